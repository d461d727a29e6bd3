/**
 * When all guesses are used up: a member says so, and with that ends its acceptance of confirmations for the generation.
 * What a quorum says is a lock's certificate; after the grace time members that hold it erase their shares. No member
 * erases on its own view, so a confirmation that a quorum acknowledged and an erasure never both happen (law 8).
 */
import { fail } from '../../base/errors.ts';
import { dropShares } from '../../vault/registration.ts';
import { type Place, slotId } from '../../vault/slot.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Signed } from '../../wire/signed.ts';
import type { Member, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { othersToHear } from '../coordinator/lock.ts';
import { exhausted } from '../counters.ts';
import { type Machine, perform, type View } from '../effects.ts';
import { readCertificate, readOfNode } from '../quorum-certificate.ts';
import { isAcknowledged } from './confirm.ts';
import { remember, sameEpoch } from './memory.ts';
import { allSinceRestart } from './rollback.ts';
import { inForce, inForceAs, registrationOf, repeat, say } from './standing.ts';

/**
 * @param heard how many other members' proofs of this slot were learnt just before: a statement given too early could deny
 *   a success that q members have acknowledged (coordinator/lock.ts)
 */
export function* stateLock(member: Member, place: Place, heard: number): Machine<Reply> {
  const slot = slotId(place);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  if ('refused' in current) return current;
  const { counters, record } = view;
  const { generation, digest } = current;
  const { cleared, tried } = counters;
  const said = repeat(member, 'node/lock-statement', record?.lockStatement, { slot, generation, digest, cleared, tried });
  // Given before the last start it would be refused (rule 2 of rollback.ts); what it says stands in the token, so it may be said anew.
  if (said !== undefined && sameEpoch(decodeMessage('node/lock-statement', said.bytes).sequence, view.sequence)) return said;
  if (view.standing !== 'full') return refuse('quarantined', 'this member does not vote now');
  if (!exhausted(counters, current.core.policy.guesses)) return refuse('attempt-out-of-range', 'guesses are left', { tried, cleared });
  // A liar among the members may ask early, to race the success of the last guess. Half of the delay: members count at different moments.
  if (view.sinceCountedMs < member.lockDelayMs / 2) return refuse('cooling-off', 'a confirmation of the last guess may be on its way');
  const needed = othersToHear(member.fleet);
  if (heard < needed) return refuse('no-quorum', 'too few members told their confirmations first', { heard, needed });
  const sequence = yield* perform('commit', { slot, counters: { ...counters, locked: true } });
  const lockStatement = yield* say(member, 'node/lock-statement', { slot, generation, digest, cleared, tried, sequence });
  yield* perform('save', {
    slot,
    record: { place, ...record, lockStatement },
    event: { kind: 'locked', generation, digest, attempt: tried },
  });
  return lockStatement;
}

/** @returns what was learnt: false when it was known. @throws when the votes are not a lock's certificate */
export function* learnLock(member: Member, votes: readonly Signed[]): Machine<boolean> {
  const { statements, slot, generation, digest, cleared, tried } = readLock(member, votes);
  const sinceRestart = yield* allSinceRestart(statements);
  yield* remember(votes);
  const view = yield* perform('load', { slot });
  const current = inForceAs(member, view, { generation, digest });
  if ('refused' in current || view.record?.lock !== undefined) return false;
  // A statement held back while its member's token was rolled back could meet a confirmation that the member took since.
  if (!sinceRestart || isOutdated(member, view, { generation, cleared })) return false;
  const { counters, record } = view;
  const locked = { ...counters, tried: Math.max(counters.tried, tried), cleared: Math.max(counters.cleared, cleared), locked: true };
  if (!counters.locked || locked.tried !== counters.tried || locked.cleared !== counters.cleared) {
    yield* perform('commit', { slot, counters: locked });
  }
  yield* perform('save', { slot, record: { place: current.core.place, ...record, lock: votes, lockSince: member.now } });
  return true;
}

/**
 * A quorum has acknowledged a later success than the statements know. Then no quorum of honest members states this lock. (Attack: a
 * liar adds its statement to that of an honest member that stated a lock alone, and has the owner's shares erased.)
 */
function isOutdated(member: Member, { record }: View, lock: { readonly generation: number; readonly cleared: number }): boolean {
  const { confirm, acks } = record?.confirmation ?? {};
  if (confirm === undefined || acks === undefined) return false;
  const success = decodeMessage('unlock/confirm', confirm.bytes);
  return success.generation === lock.generation && success.attempt > lock.cleared && isAcknowledged(member, success, acks);
}

interface Lock extends Pick<Message<'node/lock-statement'>, 'slot' | 'generation' | 'digest' | 'cleared' | 'tried'> {
  readonly statements: readonly Message<'node/lock-statement'>[];
}

/** @throws when the votes are not a lock's certificate */
export function readLock(member: Pick<Member, 'fleet' | 'verify'>, votes: readonly Signed[]): Lock {
  const [first] = votes;
  if (first === undefined) return fail('not-certified', 'no votes');
  const { slot, generation, digest, cleared, tried } = readOfNode('node/lock-statement', first, member.fleet, member.verify);
  // The same counters in every vote: a member that knew of a success in between would have said another `cleared`.
  const says = { slot, generation, digest, cleared, tried };
  return { ...says, statements: readCertificate('node/lock-statement', votes, says, member.fleet, member.verify) };
}

/** Erases this member's copy of all sealed shares once the grace time after the lock's certificate is over. */
export function* erase(member: Member, place: Place): Machine<boolean> {
  const slot = slotId(place);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  const { record } = view;
  if ('refused' in current || record?.lock === undefined || record.standing === undefined || record.erased) return false;
  // The disk is not believed: only a whole certificate for just this generation erases anything.
  const lock = readLock(member, record.lock);
  if (lock.generation !== current.generation || lock.digest !== current.digest || lock.slot !== slot) return false;
  const graceMs = current.core.policy.graceSeconds * 1000;
  if (record.lockSince === undefined || member.now < record.lockSince + graceMs) return false;
  const registration = dropShares(registrationOf(record.standing, member.fleet), member.fleet).bytes;
  yield* perform('save', {
    slot,
    record: { ...record, standing: { ...record.standing, registration }, erased: true },
    event: { kind: 'erased', generation: lock.generation, digest: lock.digest, attempt: lock.tried },
  });
  return true;
}
