/** One attempt for a client: votes of a quorum, then answers. The coordinator sees no secret and decides nothing. */
import type { Id } from '../../base/bytes.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Signed, Verify } from '../../wire/signed.ts';
import { type Ask, isRefusal, type Reply } from '../ask.ts';
import { isEarlierEpoch, startsOf } from '../member/memory.ts';
import { does, type Gathered, gather, lacksRecord, type Patience, type Talk } from './conversation.ts';
import { answerTo } from './expected.ts';

export interface AttemptOutcome extends Gathered {
  /** The attempt's quorum certificate, once there is one: the client needs it to confirm a success. */
  readonly votes: readonly Signed[];
}

type Vote = Extract<Ask, { op: 'attempt-vote' }>;

export function* coordinateAttempt(fleet: Fleet, verify: Verify, ask: Vote, patience: Patience): Talk<AttemptOutcome> {
  const members = fleet.nodes.map((node) => node.id);
  const { slot, attempt } = decodeMessage('client/request', ask.request.bytes);
  const latest = new Map<Id, bigint>();
  // A vote from before its member's restart would spoil the certificate (member/rollback.ts, rule 2).
  for (const node of members) {
    const [vote, start] = [yield* does('seen', { node }), yield* does('seen', { node: startsOf(node) })];
    latest.set(node, vote > start ? vote : start);
  }
  const isVote = answerTo(ask, fleet, verify);
  const fits = (signed: Signed, from: Id) =>
    isVote(signed, from) && !isEarlierEpoch(decodeMessage('node/attempt-vote', signed.bytes).sequence, latest.get(from) ?? 0n);
  const isBehind = (reply: Reply) => lacksRecord(reply) || hasNotCounted(reply, attempt - 1);
  const first = yield* gather(members, ask, { ...patience, lingerMs: 0 }, { enough: fleet.quorum, counts: fits, slot, isBehind });
  const votes = first.said.filter(({ node, signed }) => fits(signed, node)).slice(0, fleet.quorum);
  if (votes.length < fleet.quorum) return { said: [], refused: first.refused, votes: [] };
  const certificate = votes.map(({ signed }) => signed);
  const { shown: _, ...authorised } = ask;
  const answering = { ...authorised, op: 'answer', votes: certificate } as const;
  const second = yield* gather(members, answering, patience, { enough: fleet.threshold, counts: answerTo(answering, fleet, verify), slot });
  return { ...second, votes: certificate };
}

/** Refused by a member that has not counted this number: a quorum may have, and its certificate makes the member follow. */
function hasNotCounted(reply: Reply, attempt: number): boolean {
  return isRefusal(reply) && reply.refused === 'attempt-out-of-range' && Number(reply.evidence?.['tried']) < attempt;
}
