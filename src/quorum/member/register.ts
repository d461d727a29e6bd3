/**
 * A member votes for a registration: once per generation, after its own share has opened in its token (docs/design.md,
 * "Register and activate"). What is in force stays in force until the activation.
 */
import type { Id } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import type { Registration } from '../../vault/registration.ts';
import { decodeMessage } from '../../wire/message.ts';
import { type Ask, type Member, type Refusal, type Reply, refuse } from '../ask.ts';
import { afterVote, GENERATION_STEP } from '../counters.ts';
import { type Machine, perform, type View } from '../effects.ts';
import type { Announcement, SlotRecord } from '../record.ts';
import { type Account, accountOf, isApproved, waitingSeconds } from './authority.ts';
import { readRequest } from './request.ts';
import { repeat, say } from './standing.ts';

/** Announcements that may wait at once in one slot; more are refused, so that a stranger's cannot push out the owner's. */
const ANNOUNCEMENTS_MAX = 8;
/** One that nobody came for this long after its waiting time makes room: else eight would close the slot to announcements for ever. */
const OVERDUE_MS = 86_400_000;

export function* voteForRegistration(member: Member, ask: Ask & { op: 'register-vote' }): Machine<Reply> {
  const { registration, caller } = ask;
  const { slot, generation, digest } = registration;
  const asked = readRequest(member, ask, 'register');
  if (asked.slot !== slot || asked.generation !== generation || asked.digest !== digest) {
    fail('malformed', 'the request was signed for another registration');
  }
  // Until a member can verify an assertion, a passkey is nothing but a slot of any name: one login could fill the tokens with them.
  if (registration.core.place.way.kind === 'passkey') return refuse('not-allowed', 'passkeys are not taken yet');
  const view = yield* perform('load', { slot });
  const { counters, record = { place: caller.place } } = view;
  const said = repeat(member, 'node/register-vote', record.registerVote, { slot, generation, digest });
  if (said !== undefined) return said;
  // After a rollback this token may have voted already and forgotten it; a second vote could certify two registrations.
  if (view.standing !== 'full') return refuse('quarantined', 'this member does not vote now');
  if (generation <= counters.voted) {
    return refuse('stale-generation', 'this member voted under that generation already', { voted: counters.voted });
  }
  // Without a bound one compromised node could make a client use up all numbers at once (docs/design.md, "Choosing numbers").
  if (generation > counters.voted + GENERATION_STEP) {
    return refuse('stale-generation', `expected at most ${GENERATION_STEP} beyond the last vote`, { voted: counters.voted });
  }
  if (counters.voted === 0 && !view.hasRoom) return refuse('token-full', 'the token takes no new slot');
  if (!withinTenant(member, registration))
    return refuse('not-allowed', 'the tenant bounds how long replacements wait', { ...member.coolingOff });
  const account = yield* accountOf(member, caller.place);
  if ('refused' in account) return account;
  if (!isApproved(member, account, registration, ask.approval)) {
    const barrier = yield* mayStand(member, view, record, account, registration);
    if (barrier !== undefined) return barrier;
  }
  if (!registration.core.tombstone && !(yield* perform('open', { registration }))) {
    return refuse('share-refused', 'the share sealed for this member does not open, or is not the one of its public share');
  }
  // Token first, then disk, then the word: a vote that was given can never be forgotten.
  const sequence = yield* perform('commit', { slot, counters: afterVote(counters, generation) });
  const vote = yield* say(member, 'node/register-vote', { slot, generation, digest, sequence });
  const announcements = record.announcements?.filter((waiting) => waiting.digest !== digest);
  yield* perform('save', { slot, record: { ...record, registerVote: vote, ...(announcements && { announcements }) } });
  return vote;
}

/** A waiting time of a year, chosen by whoever registers, would keep the owner out for as long. */
function withinTenant({ coolingOff: { minSeconds, maxSeconds } }: Member, { core: { tombstone, policy } }: Registration): boolean {
  return tombstone || (policy.coolingOffSeconds >= minSeconds && policy.coolingOffSeconds <= maxSeconds);
}

/** @returns nothing when a registration that no owner key approved may stand now; else the refusal, after announcing where due */
function* mayStand(
  member: Member,
  view: View,
  record: SlotRecord,
  account: Account,
  { slot, generation, digest, core }: Registration,
): Machine<Refusal | undefined> {
  // Nothing is left to protect in an account where nothing stands, or behind a deletion.
  if (account.current === undefined && account.others.length === 0) {
    if (core.tombstone || core.place.way.kind === 'passcode') return undefined;
    return refuse('not-allowed', 'an account begins with a passcode: deposit under one first');
  }
  if (isCancelled(record, digest)) return refuse('cancelled', 'the owner cancelled this registration');
  const announcements = record.announcements ?? [];
  const announced = announcements.find((waiting) => waiting.digest === digest);
  const waitMs = waitingSeconds(account) * 1000;
  if (announced !== undefined) {
    const leftMs = announced.since + waitMs - member.now;
    return leftMs > 0 ? coolingOff(leftMs) : undefined;
  }
  const later = announcements.filter((one) => one.generation > view.counters.active);
  const waiting = later.length < ANNOUNCEMENTS_MAX ? later : later.filter((one) => member.now < one.since + waitMs + OVERDUE_MS);
  if (waiting.length >= ANNOUNCEMENTS_MAX) return refuse('overloaded', 'too many replacements wait in this slot: cancel some');
  const added: Announcement = { digest, generation, since: member.now };
  const event = { kind: 'announced', generation, digest, attempt: 0 } as const;
  yield* perform('save', { slot, record: { ...record, announcements: [...waiting, added] }, event });
  return waitMs > 0 ? coolingOff(waitMs) : undefined;
}

function coolingOff(leftMs: number): Refusal {
  return refuse('cooling-off', 'the owner may object until the waiting time is over', { secondsLeft: Math.ceil(leftMs / 1000) });
}

function isCancelled(record: SlotRecord, digest: Id): boolean {
  return record.cancels?.some(({ cancel }) => decodeMessage('unlock/cancel', cancel.bytes).digest === digest) ?? false;
}
