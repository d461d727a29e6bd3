/** How the account stands, as the nodes sign it, and what happened to it. */
import { systemClock } from '../base/ports.ts';
import { guessesLeft } from '../quorum/client/recover.ts';
import { PASSCODE, RECOVERY_CODE } from '../vault/slot.ts';
import { tellWaiting, type Waiting } from './cancel.ts';
import { type ToldEvent, tellEvents } from './events.ts';
import type { DeviceHome } from './home.ts';
import type { Say } from './say.ts';
import { type Visit, visit } from './visit.ts';

export interface AccountStatus {
  readonly registered: boolean;
  readonly generation: number;
  readonly guessesLeft: number;
  readonly guessesUsed: number;
  /** Of a passcode that was guessed wrongly: until the next guess is counted. */
  readonly nextGuess?: { readonly secondsLeft: number; readonly allowedAt: string };
  readonly locked: boolean;
  /** A recovery code opens the key too. */
  readonly recoveryCode: boolean;
  readonly nodes: readonly {
    readonly node: string;
    readonly generation: number;
    readonly tried: number;
    readonly cleared: number;
    readonly voting: boolean;
  }[];
  /** Names of the nodes that did not answer. */
  readonly silent: readonly string[];
  /** Announced, and not in force yet. */
  readonly waiting: readonly Waiting[];
  /** Newest first. */
  readonly history: readonly ToldEvent[];
}

/** @throws `no-quorum` */
export function tellStatus(home: DeviceHome, say: Say): Promise<AccountStatus> {
  return visit(home, say, async (session) => ({
    ...(await tellPasscode(session)),
    recoveryCode: await hasRecoveryCode(session),
    waiting: await tellWaiting(session),
    history: await tellEvents(session),
  }));
}

async function hasRecoveryCode({ client }: Visit): Promise<boolean> {
  const { registration } = await client.status(RECOVERY_CODE);
  return registration?.core.tombstone === false;
}

async function tellPasscode({ client, fleet }: Visit): Promise<Omit<AccountStatus, 'recoveryCode' | 'waiting' | 'history'>> {
  const { reports, registration, locked } = await client.status(PASSCODE);
  const nodes = fleet.nodes.flatMap(({ id, name }) =>
    reports
      .filter(({ signer }) => signer === id)
      .map(({ generation, tried, cleared, standing }) => ({ node: name, generation, tried, cleared, voting: standing })),
  );
  const silent = fleet.nodes.filter(({ id }) => !reports.some(({ signer }) => signer === id)).map(({ name }) => name);
  const generation = registration?.generation ?? 0;
  if (registration === undefined || registration.core.tombstone) {
    return { registered: false, generation, guessesLeft: 0, guessesUsed: 0, locked: false, nodes, silent };
  }
  const left = guessesLeft(fleet.fleet, registration, reports, 0);
  const used = registration.core.policy.guesses - left;
  const waitMs = left > 0 && used > 0 ? await client.wait(PASSCODE) : 0;
  const allowedAt = new Date(systemClock() + waitMs).toISOString();
  const nextGuess = { secondsLeft: Math.ceil(waitMs / 1000), allowedAt };
  return { registered: true, generation, guessesLeft: left, guessesUsed: used, ...(waitMs > 0 && { nextGuess }), locked, nodes, silent };
}
