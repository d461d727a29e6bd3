/** One attempt for a client: votes of a quorum, then answers. The coordinator sees no secret and decides nothing. */
import type { Id } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import { hash, type Signed, type Verify } from '../../wire/signed.ts';
import type { Authorised } from '../ask.ts';
import { isEarlierEpoch, startsOf } from '../member/rollback.ts';
import { readOfNode } from '../quorum-certificate.ts';
import { does, type Gathered, gather, type Patience, type Talk } from './conversation.ts';

export interface AttemptOutcome extends Gathered {
  /** The attempt's quorum certificate, once there is one: the client needs it to confirm a success. */
  readonly votes: readonly Signed[];
}

export function* coordinateAttempt(
  fleet: Fleet,
  verify: Verify,
  authorised: Authorised,
  element: Uint8Array,
  patience: Patience,
): Talk<AttemptOutcome> {
  const members = fleet.nodes.map((node) => node.id);
  const asked = decodeMessage('client/request', authorised.request.bytes);
  const ask = { ...authorised, op: 'attempt-vote', element } as const;
  const latest = new Map<Id, bigint>();
  // A vote from before its member's restart would spoil the certificate (member/rollback.ts, rule 2).
  for (const node of members) {
    const [vote, start] = [yield* does('seen', { node }), yield* does('seen', { node: startsOf(node) })];
    latest.set(node, vote > start ? vote : start);
  }
  const fits = (signed: Signed, from: Id) => isVoteFor(signed, from, asked, hash(element), fleet, verify, latest.get(from) ?? 0n);
  const first = yield* gather(members, ask, asked.slot, { ...patience, lingerMs: 0 }, fleet.quorum, fits);
  const votes = first.said.filter(({ node, signed }) => fits(signed, node)).slice(0, fleet.quorum);
  if (votes.length < fleet.quorum) return { said: [], refused: first.refused, votes: [] };
  const certificate = votes.map(({ signed }) => signed);
  const second = yield* gather(
    members,
    { ...authorised, op: 'answer', element, votes: certificate },
    asked.slot,
    patience,
    fleet.threshold,
  );
  return { ...second, votes: certificate };
}

function isVoteFor(
  signed: Signed,
  from: Id,
  asked: Message<'client/request'>,
  element: Id,
  fleet: Fleet,
  verify: Verify,
  latest: bigint,
): boolean {
  try {
    const vote = readOfNode('node/attempt-vote', signed, fleet, verify);
    const same = vote.slot === asked.slot && vote.generation === asked.generation && vote.digest === asked.digest;
    return (
      same && vote.signer === from && vote.attempt === asked.attempt && vote.element === element && !isEarlierEpoch(vote.sequence, latest)
    );
  } catch (error) {
    // A member that says what does not verify is counted as silent: the others carry the attempt.
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}
