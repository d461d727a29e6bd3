/** A success refills the guesses: the unlock key, which only the right passcode yields, says so for one certified attempt. */
import { decodeMessage } from '../../wire/message.ts';
import type { Member, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { afterConfirmation } from '../counters.ts';
import { type Machine, perform } from '../effects.ts';
import { readCertifiedAttempt } from '../quorum-certificate.ts';
import type { Confirmed } from '../record.ts';
import { inForceAs, readByUnlockKey, say } from './standing.ts';

export function* confirm(member: Member, { confirm, votes }: Confirmed): Machine<Reply> {
  const claimed = decodeMessage('unlock/confirm', confirm.bytes);
  const { slot, generation, digest, attempt } = claimed;
  const view = yield* perform('load', { slot });
  const current = inForceAs(member, view, { generation, digest });
  if ('refused' in current) return current;
  readByUnlockKey('unlock/confirm', confirm, current, member);
  // Without the quorum certificate of exactly this attempt, whoever has the unlock key could clear numbers in advance.
  readCertifiedAttempt(votes, { slot, generation, digest, attempt }, member.fleet, member.verify);
  const { counters, record } = view;
  const before = record?.confirmation && decodeMessage('unlock/confirm', record.confirmation.confirm.bytes);
  const known = before !== undefined && before.generation === generation && before.attempt >= attempt;
  let { sequence } = view;
  if (counters.cleared < attempt) {
    // Law 8: this member's lock statement promised that no confirmation would follow.
    if (counters.locked) return refuse('locked', 'a lock statement was given: this generation takes no confirmation any more');
    sequence = yield* perform('commit', { slot, counters: afterConfirmation(counters, attempt) });
  }
  if (!known) {
    const event = { kind: 'success', generation, digest, attempt } as const;
    yield* perform('save', { slot, record: { place: current.core.place, ...record, confirmation: { confirm, votes } }, event });
  }
  return yield* say(member, 'node/confirmation-ack', { slot, generation, digest, attempt, sequence });
}
