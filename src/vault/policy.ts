/** What a registration may ask for. Bounds are the same at every node, so that no node refuses what another certified. */
import { fail } from '../base/errors.ts';
import type { WayKind } from './slot.ts';

/** Ten guesses at a 6-digit PIN succeed once in 100,000 accounts; Apple, Google and Meta settled on the same number. */
export const PASSCODE_GUESSES_MAX = 10;
/** For ways in that cannot be guessed (128 bits and more): rate limited, never destroyed. */
export const UNLIMITED_GUESSES = 0x7fff_ffff;
const YEAR_SECONDS = 365 * 86_400;

function within(name: string, got: number, min: number, max: number): void {
  if (got < min || got > max) fail('malformed', `${name}: expected ${min} to ${max}`, { got });
}

export interface Policy {
  readonly guesses: number;
  /** How long a replacement without the unlock key waits for the owner's objection. */
  readonly coolingOffSeconds: number;
  /** How long after a lock the shares are kept. */
  readonly graceSeconds: number;
}

/** @throws `malformed` */
export function checkPolicy(kind: WayKind, policy: Policy): void {
  within('guesses', policy.guesses, 1, kind === 'passcode' ? PASSCODE_GUESSES_MAX : UNLIMITED_GUESSES);
  within('cooling-off seconds', policy.coolingOffSeconds, 0, YEAR_SECONDS);
  within('grace seconds', policy.graceSeconds, 0, YEAR_SECONDS);
}
