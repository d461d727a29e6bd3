/**
 * A confirmation for a client. Where a quorum has acknowledged it and some member has not, all get the acknowledgements: a member
 * that stated a lock alone takes the confirmation with them only (member/confirm.ts), now or by catch-up.
 */
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Verify } from '../../wire/signed.ts';
import type { Confirmed } from '../record.ts';
import { does, type Gathered, gather, type Patience, type Talk } from './conversation.ts';
import { answerTo } from './expected.ts';

export function* coordinateConfirm(fleet: Fleet, verify: Verify, confirmed: Confirmed, patience: Patience): Talk<Gathered> {
  const ask = { op: 'confirm', confirmed } as const;
  const { slot } = decodeMessage('unlock/confirm', confirmed.confirm.bytes);
  const members = fleet.nodes.map((node) => node.id);
  const counts = answerTo(ask, fleet, verify);
  const gathered = yield* gather(members, ask, patience, { enough: fleet.quorum, counts, slot });
  const acknowledged = gathered.said.filter(({ node, signed }) => counts(signed, node));
  if (acknowledged.length < fleet.quorum || acknowledged.length === members.length) return gathered;
  const acks = acknowledged.map(({ signed }) => signed);
  // Nobody waits for these: the client has what it needs.
  for (const to of members) yield* does('ask', { to, ask: { op: 'confirm', confirmed: { ...confirmed, acks } } });
  return gathered;
}
