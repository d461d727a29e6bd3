/** The owner objects to an announced registration, with the unlock key of any way in of the account or its owner key. */
import { fail } from '../../base/errors.ts';
import { type Place, slotId } from '../../vault/slot.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Member, Refusal } from '../ask.ts';
import { refuse } from '../ask.ts';
import { type Machine, perform } from '../effects.ts';
import type { Cancelled, SlotRecord } from '../record.ts';
import { inForce, readByOwner, repeat } from './standing.ts';

/** Objections kept for one slot; the oldest go first, long after what they object to is stale. */
const CANCELS_MAX = 32;

/** @returns true once it stands. The driver keeps both slots of the account still meanwhile. */
export function* cancel(member: Member, place: Place, { by, cancel: signed }: Cancelled): Machine<boolean | Refusal> {
  if (by.account !== place.account || by.tenant !== place.tenant) fail('not-allowed', 'that way in belongs to another account');
  const authority = yield* perform('load', { slot: slotId(by) });
  const current = inForce(member, authority);
  if ('refused' in current) return current;
  if (current.core.tombstone) return refuse('not-allowed', 'that way in was deleted');
  const { slot, digest, generation, bySlot } = readByOwner('unlock/cancel', signed, current, member);
  if (slot !== slotId(place) || bySlot !== slotId(by)) fail('malformed', 'the cancellation names other slots');
  const { record, counters } = yield* perform('load', { slot });
  if (generation <= counters.active)
    return refuse('stale-generation', 'that generation, or a later one, is in force', { active: counters.active });
  // A vote cannot be taken back. (Attack: votes given before the objection and votes of those that it did not reach make a
  // quorum, after a quorum told the owner that his objection stands.)
  if (counters.voted >= generation && !votedForAnother(member, record, { slot, generation, digest })) {
    return refuse('stale-generation', 'this member may have voted for that registration before', { voted: counters.voted });
  }
  const known = record?.cancels ?? [];
  if (known.some((one) => decodeMessage('unlock/cancel', one.cancel.bytes).digest === digest)) return true;
  const cancels = [...known, { by, cancel: signed }].slice(-CANCELS_MAX);
  const announcements = record?.announcements?.filter((waiting) => waiting.digest !== digest);
  yield* perform('save', {
    slot,
    record: { place, ...record, cancels, ...(announcements && { announcements }) },
    event: { kind: 'cancelled', generation, digest, attempt: 0 },
  });
  return true;
}

/** A member votes once for a generation: what it voted for there, if that is still known, is the only one. */
function votedForAnother(
  member: Member,
  record: SlotRecord | undefined,
  { slot, generation, digest }: Pick<Message<'unlock/cancel'>, 'slot' | 'generation' | 'digest'>,
): boolean {
  const vote = repeat(member, 'node/register-vote', record?.registerVote, { slot, generation });
  return vote !== undefined && decodeMessage('node/register-vote', vote.bytes).digest !== digest;
}
