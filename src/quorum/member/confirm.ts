/** A success refills the guesses: the unlock key, which only the right passcode yields, says so for one certified attempt. */
import { HoldfastError } from '../../base/errors.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Signed } from '../../wire/signed.ts';
import type { Member, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { afterConfirmation, afterUnlock } from '../counters.ts';
import { type Machine, perform } from '../effects.ts';
import { readCertificate, readCertifiedAttempt } from '../quorum-certificate.ts';
import type { Confirmed } from '../record.ts';
import { inForceAs, readByUnlockKey, say } from './standing.ts';

export function* confirm(member: Member, { confirm, votes, acks: given }: Confirmed): Machine<Reply> {
  const claimed = decodeMessage('unlock/confirm', confirm.bytes);
  const { slot, generation, digest, attempt } = claimed;
  const view = yield* perform('load', { slot });
  const current = inForceAs(member, view, { generation, digest });
  if ('refused' in current) return current;
  readByUnlockKey('unlock/confirm', confirm, current, member);
  // Without the quorum certificate of exactly this attempt, whoever has the unlock key could clear numbers in advance.
  readCertifiedAttempt(votes, { slot, generation, digest, attempt }, member.fleet, member.verify);
  const acks = given !== undefined && isAcknowledged(member, claimed, given) ? given : undefined;
  const { counters, record } = view;
  const before = record?.confirmation && decodeMessage('unlock/confirm', record.confirmation.confirm.bytes);
  const known = before !== undefined && before.generation === generation && before.attempt >= attempt;
  const news = !known || (acks !== undefined && before.attempt === attempt && record?.confirmation?.acks === undefined);
  let { sequence } = view;
  if (counters.cleared < attempt) {
    // Law 8: this member's lock statement promised that no confirmation would follow. Those who acknowledged one never state a lock
    // with these counters, and a lock's certificate takes one of them: so the promise protects nothing any more.
    if (counters.locked && acks === undefined) {
      return refuse('locked', 'a lock statement was given: a confirmation needs the acknowledgements of a quorum here');
    }
    const next = counters.locked ? afterUnlock(counters, attempt) : afterConfirmation(counters, attempt);
    sequence = yield* perform('commit', { slot, counters: next });
  }
  if (news) {
    const confirmation = { confirm, votes, ...(acks && { acks }) };
    const event = { kind: 'success', generation, digest, attempt } as const;
    const saved = { place: current.core.place, ...record, confirmation };
    yield* perform('save', { slot, record: saved, ...(!known && { event }) });
  }
  return yield* say(member, 'node/confirmation-ack', { slot, generation, digest, attempt, sequence });
}

/** Whether a quorum says that it has taken this success. */
export function isAcknowledged(
  member: Pick<Member, 'fleet' | 'verify'>,
  { slot, generation, digest, attempt }: Message<'unlock/confirm'>,
  acks: readonly Signed[],
): boolean {
  try {
    readCertificate('node/confirmation-ack', acks, { slot, generation, digest, attempt }, member.fleet, member.verify);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'alarm') return false;
    throw error;
  }
}
