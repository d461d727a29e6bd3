/**
 * Catch-up: another member's proof of a slot, checked as if it came from a stranger. Each part proves itself, so it does
 * not matter who sent it; what does not verify is refused and changes nothing.
 */
import { slotId } from '../../vault/slot.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Member } from '../ask.ts';
import { isRefusal } from '../ask.ts';
import { afterTry } from '../counters.ts';
import { type Machine, perform } from '../effects.ts';
import { readCertifiedAttempt } from '../quorum-certificate.ts';
import type { Certified, Proof, SlotRecord } from '../record.ts';
import { activate } from './activate.ts';
import { cancel } from './cancel.ts';
import { confirm } from './confirm.ts';
import { learnLock, readLock } from './lock.ts';
import { remember } from './memory.ts';
import { allSinceRestart } from './rollback.ts';
import { inForceAs } from './standing.ts';

/** @throws `malformed`, `not-certified`, `not-signed`, `wrong-fleet`: then the sender is wrong or lies */
export function* learn(member: Member, proof: Proof): Machine<void> {
  if (proof.standing !== undefined) yield* activate(member, proof.standing, isLocked(member, proof));
  if (proof.confirmation !== undefined) yield* confirm(member, proof.confirmation);
  if (proof.attempt !== undefined) yield* learnAttempt(member, proof.attempt);
  if (proof.lock !== undefined) yield* learnLock(member, proof.lock);
  for (const one of proof.cancels ?? []) {
    const { slot } = decodeMessage('unlock/cancel', one.cancel.bytes);
    const { record } = yield* perform('load', { slot });
    if (record !== undefined && slotId(record.place) === slot) yield* cancel(member, record.place, one);
  }
}

/** A certified attempt counts here as well; only upwards, so a replay does nothing. */
function* learnAttempt(member: Member, { votes }: Certified): Machine<void> {
  const certified = readCertifiedAttempt(votes, {}, member.fleet, member.verify);
  const voters = votes.map(({ bytes }) => decodeMessage('node/attempt-vote', bytes));
  const sinceRestart = yield* allSinceRestart(voters);
  // Rule 1 of rollback.ts rests on it, whatever becomes of the attempt here. (Attack: the counters in the token are ahead of an
  // empty store; a member that stopped at them would vouch for a token that was put back to before these votes.)
  yield* remember(votes);
  const view = yield* perform('load', { slot: certified.slot });
  const current = inForceAs(member, view, certified);
  if (isRefusal(current)) return;
  const { slot, attempt } = certified;
  const { counters, record } = view;
  // Beyond the own budget a confirmation is missing here, which says the same and more.
  if (attempt > counters.cleared + current.core.policy.guesses) return;
  if (attempt > counters.tried) yield* perform('commit', { slot, counters: afterTry(counters, attempt) });
  // Rule 2 of rollback.ts: a number may be counted by votes from before a restart, but what is kept may be answered.
  if (!sinceRestart || attempt < counters.tried || holds(record, certified)) return;
  yield* perform('save', { slot, record: { place: current.core.place, ...record, attempt: { votes } } });
}

/** The certificate of this attempt, or of a later one, is kept here already. */
function holds(record: SlotRecord | undefined, { generation, attempt }: Message<'node/attempt-vote'>): boolean {
  const [vote] = record?.attempt?.votes ?? [];
  if (vote === undefined) return false;
  const known = decodeMessage('node/attempt-vote', vote.bytes);
  return known.generation === generation && known.attempt >= attempt;
}

function isLocked(member: Member, { standing, lock }: Proof): boolean {
  if (standing === undefined || lock === undefined) return false;
  return readLock(member, lock).digest === decodeMessage('unlock/activate', standing.activation.bytes).digest;
}
