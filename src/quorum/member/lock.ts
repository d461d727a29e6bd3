/**
 * When all guesses are used up: a member says so, and with that ends its acceptance of confirmations for the generation.
 * What a quorum says is a lock's certificate; after the grace time members that hold it erase their shares. No member
 * erases on its own view, so a confirmation that a quorum acknowledged and an erasure never both happen (law 8).
 */
import { fail } from '../../base/errors.ts';
import { dropShares, parseRegistration } from '../../vault/registration.ts';
import { type Place, slotId } from '../../vault/slot.ts';
import type { Message } from '../../wire/message.ts';
import type { Signed } from '../../wire/signed.ts';
import type { Member, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { exhausted } from '../counters.ts';
import { type Machine, perform } from '../effects.ts';
import { readCertificate, readOfNode } from '../quorum-certificate.ts';
import { inForce, inForceAs, repeat, say } from './standing.ts';

/**
 * The driver has asked the other members for their confirmations, and applied them, before it asks for this
 * (coordinator/lock.ts): a statement given too early could deny a success that already happened.
 */
export function* stateLock(member: Member, place: Place): Machine<Reply> {
  const slot = slotId(place);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  if ('refused' in current) return current;
  const { counters, record } = view;
  const { generation, digest } = current;
  const { cleared, tried } = counters;
  const said = repeat(member, 'node/lock-statement', record?.lockStatement, { slot, generation, digest, cleared, tried });
  if (said !== undefined) return said;
  if (view.standing !== 'full') return refuse('quarantined', 'this member does not vote now');
  if (!exhausted(counters, current.core.policy.guesses)) return refuse('attempt-out-of-range', 'guesses are left', { tried, cleared });
  const sequence = yield* perform('commit', { slot, counters: { ...counters, locked: true } });
  const lockStatement = yield* say(member, 'node/lock-statement', { slot, generation, digest, cleared, tried, sequence });
  yield* perform('save', { slot, record: { place, ...record, lockStatement }, event: { kind: 'locked', generation, attempt: tried } });
  return lockStatement;
}

/** @returns what was learnt: false when it was known. @throws when the votes are not a lock's certificate */
export function* learnLock(member: Member, votes: readonly Signed[]): Machine<boolean> {
  const { slot, generation, digest, cleared, tried } = readLock(member, votes);
  const view = yield* perform('load', { slot });
  const current = inForceAs(member, view, { generation, digest });
  if ('refused' in current || view.record?.lock !== undefined) return false;
  const { counters, record } = view;
  const locked = { ...counters, tried: Math.max(counters.tried, tried), cleared: Math.max(counters.cleared, cleared), locked: true };
  if (!counters.locked || locked.tried !== counters.tried || locked.cleared !== counters.cleared) {
    yield* perform('commit', { slot, counters: locked });
  }
  yield* perform('save', { slot, record: { place: current.core.place, ...record, lock: votes, lockSince: member.now } });
  return true;
}

function readLock(member: Member, votes: readonly Signed[]): Message<'node/lock-statement'> {
  const [first] = votes;
  if (first === undefined) return fail('not-certified', 'no votes');
  const { slot, generation, digest, cleared, tried, ...rest } = readOfNode('node/lock-statement', first, member.fleet, member.verify);
  // The same counters in every vote: a member that knew of a success in between would have said another `cleared`.
  readCertificate('node/lock-statement', votes, { slot, generation, digest, cleared, tried }, member.fleet, member.verify);
  return { slot, generation, digest, cleared, tried, ...rest };
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
  const registration = dropShares(parseRegistration(record.standing.registration, member.fleet), member.fleet).bytes;
  yield* perform('save', {
    slot,
    record: { ...record, standing: { ...record.standing, registration }, erased: true },
    event: { kind: 'erased', generation: lock.generation, attempt: lock.tried },
  });
  return true;
}
