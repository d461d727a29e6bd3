/** A status for a client. Who has not heard of the last guess that a quorum counted is taught it on the way, and asked again. */
import type { Id } from '../../base/bytes.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Verify } from '../../wire/signed.ts';
import { type Authorised, isRefusal, type Reply } from '../ask.ts';
import type { SlotRecord } from '../record.ts';
import { type Gathered, gather, type Patience, type Talk } from './conversation.ts';
import { answerTo, readFrom } from './expected.ts';

/** @param record what this node has of the slot */
export function* coordinateStatus(
  fleet: Fleet,
  verify: Verify,
  authorised: Authorised,
  record: SlotRecord | undefined,
  patience: Patience,
): Talk<Gathered> {
  const ask = { ...authorised, op: 'status' } as const;
  const members = fleet.nodes.map((node) => node.id);
  const { slot } = decodeMessage('client/request', authorised.request.bytes);
  const [vote] = record?.attempt?.votes ?? [];
  const certified = vote && decodeMessage('node/attempt-vote', vote.bytes);
  const isBehind = (reply: Reply, from: Id): boolean => {
    const said = isRefusal(reply) ? undefined : readFrom('node/status', reply, from, fleet, verify);
    return certified !== undefined && said?.generation === certified.generation && said.tried < certified.attempt;
  };
  return yield* gather(members, ask, patience, { enough: fleet.quorum, counts: answerTo(ask, fleet, verify), slot, isBehind });
}
