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
  const sequenceIn = (type: 'node/attempt-vote' | 'node/answer', signed: Signed, from: Id) => {
    const said = readFor(type, signed, fleet, verify);
    return said?.signer === from && isAbout(said, asked, hash(element)) ? said.sequence : undefined;
  };
  const fits = (signed: Signed, from: Id) => {
    const sequence = sequenceIn('node/attempt-vote', signed, from);
    return sequence !== undefined && !isEarlierEpoch(sequence, latest.get(from) ?? 0n);
  };
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
    // Nonsense does not count, or a member that is quick with it would cut off those who are slow with answers.
    (signed, from) => sequenceIn('node/answer', signed, from) !== undefined,
  );
  return { ...second, votes: certificate };
}

type Said = Message<'node/attempt-vote' | 'node/answer'>;

/** A member that says what does not verify is counted as silent: the others carry the attempt. */
function readFor(type: 'node/attempt-vote' | 'node/answer', signed: Signed, fleet: Fleet, verify: Verify): Said | undefined {
  try {
    return readOfNode(type, signed, fleet, verify);
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

function isAbout(said: Said, asked: Message<'client/request'>, element: Id): boolean {
  const { slot, generation, digest, attempt } = asked;
  const same = said.slot === slot && said.generation === generation && said.digest === digest;
  return same && said.attempt === attempt && said.element === element;
}
