/**
 * Catch-up: another member's proof of a slot, checked as if it came from a stranger. Each part proves itself, so it does
 * not matter who sent it; what does not verify is refused and changes nothing.
 */
import { slotId } from '../../vault/slot.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Member } from '../ask.ts';
import { isRefusal } from '../ask.ts';
import { afterTry, mayLearn } from '../counters.ts';
import { type Machine, perform } from '../effects.ts';
import { readCertifiedAttempt } from '../quorum-certificate.ts';
import type { Certified, Proof } from '../record.ts';
import { activate } from './activate.ts';
import { cancel } from './cancel.ts';
import { confirm } from './confirm.ts';
import { learnLock, readLock } from './lock.ts';
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
  const view = yield* perform('load', { slot: certified.slot });
  const current = inForceAs(member, view, certified);
  if (isRefusal(current)) return;
  // Beyond the own budget a confirmation is missing here, which says the same and more.
  if (!mayLearn(view.counters, certified.attempt, current.core.policy.guesses)) return;
  const { slot, attempt } = certified;
  // Rule 1 of rollback.ts rests on it: whoever may answer this attempt from here on knows whose votes it used.
  const voters = votes.map(({ bytes }) => decodeMessage('node/attempt-vote', bytes));
  yield* perform('saw', { sequences: voters.map(({ signer, sequence }) => ({ node: signer, sequence })) });
  yield* perform('commit', { slot, counters: afterTry(view.counters, attempt) });
  yield* perform('save', { slot, record: { place: current.core.place, ...view.record, attempt: { votes } } });
}

function isLocked(member: Member, { standing, lock }: Proof): boolean {
  if (standing === undefined || lock === undefined) return false;
  return readLock(member, lock).digest === decodeMessage('unlock/activate', standing.activation.bytes).digest;
}
