/**
 * Guesses at a passcode wait: after some wrong ones in a row, and longer after each further one, a member counts the next only when
 * its tenant's delay is over. A guess that comes too soon is refused and costs nothing; the refusal is signed, so that a client waits
 * on members' own word only. Ways in that cannot be guessed do not wait.
 *
 * Each member measures from the last guess that it counted, on the clock of its process. So no coordinator can shorten the
 * delay, nor can whoever sets the machine's clock or puts its disk back: a process that begins anew begins the delay anew, once
 * (docs/design.md, "Delays between guesses").
 */
import type { Registration } from '../../vault/registration.ts';
import type { Message } from '../../wire/message.ts';
import type { Ask, Member, Refusal, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { exhausted } from '../counters.ts';
import { type Machine, perform, type View } from '../effects.ts';
import { readRequest } from './request.ts';
import { inForce, say } from './standing.ts';

/** @returns 0 when it may be counted now, as far as the delay goes */
export function waitMs({ guessDelaysMs }: Member, { counters, sinceCountedMs }: View, current: Registration, attempt: number): number {
  // What was counted since the last success counts as wrong, also where votes were split: nobody here knows better.
  const wrong = attempt - 1 - counters.cleared;
  if (current.core.place.way.kind !== 'passcode' || wrong <= 0) return 0;
  const delayMs = guessDelaysMs[Math.min(wrong, guessDelaysMs.length) - 1] ?? 0;
  return Math.max(0, Math.ceil(delayMs - sinceCountedMs));
}

type About = Pick<Message<'node/wait'>, 'slot' | 'generation' | 'digest' | 'attempt' | 'nonce'>;

/** Changes nothing, as every refusal. */
export function* tooSoon(member: Member, { slot, generation, digest, attempt, nonce }: About, waitMs: number): Machine<Refusal> {
  const statement = yield* say(member, 'node/wait', { slot, generation, digest, attempt, nonce, waitMs });
  const refusal = refuse('rate-limited', 'the next guess is counted later', { secondsLeft: Math.ceil(waitMs / 1000) });
  return { ...refusal, statement };
}

/** Until then the last guess may turn out to be right, and its confirmation come. */
function untilLockMs({ lockDelayMs }: Member, { sinceCountedMs }: View): number {
  return Math.max(0, Math.ceil(lockDelayMs - sinceCountedMs));
}

/** Whoever asks is told before he guesses. */
export function* tellWait(member: Member, ask: Ask & { op: 'wait' }): Machine<Reply> {
  const { slot, nonce } = readRequest(member, ask, 'wait');
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  if ('refused' in current) return current;
  const { generation, digest } = current;
  const attempt = view.counters.tried + 1;
  const left = exhausted(view.counters, current.core.policy.guesses) ? untilLockMs(member, view) : waitMs(member, view, current, attempt);
  return yield* say(member, 'node/wait', { slot, generation, digest, attempt, nonce, waitMs: left });
}
