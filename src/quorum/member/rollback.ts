/**
 * Tokens of class `host` are files on a disk, and a disk can be rolled back: the token then forgets votes that it gave.
 * Three rules make such a member harmless (after ROTE, USENIX Security 2017; the argument stands in docs/design.md, "Rollback"):
 *
 * 1. A commit sequence counts every change of a token; its upper half, the *epoch*, rises with every start. Others remember
 *    the highest sequence they saw in votes that were used, and after a start the member asks them (coordinator/rejoin.ts).
 *    If any knows more than the token did when the others last vouched for it, the member is quarantined for good. The token
 *    remembers that point over as many starts as it takes: else a second start would take the first one for its past.
 * 2. Others remember the latest start too, apart from the votes, so that it covers up none. A quorum certificate (of an
 *    attempt, of a lock) is accepted for the first time only if no vote in it is from an earlier epoch than its member's
 *    latest known one. So a vote that was held back while its token was rolled back is worth nothing afterwards.
 * 3. In quarantine a member votes only on generations that came to be afterwards: every register vote in their quorum
 *    certificate is later than its voter's sequence when the quarantine began. Two quorums share a voter, nobody votes
 *    twice for a generation: so no earlier quorum certificate of it exists, and nothing about it can have been forgotten.
 */
import { concatBytes, type Id, idToBytes, utf8 } from '../../base/bytes.ts';
import type { Registration } from '../../vault/registration.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import { hash } from '../../wire/signed.ts';
import type { Ask, Member, Reply } from '../ask.ts';
import { type Machine, perform, type View } from '../effects.ts';
import { readOfNode } from '../quorum-certificate.ts';
import { registrationOf, say } from './standing.ts';

const EPOCH_BITS = 32n;
const epochOf = (sequence: bigint): bigint => sequence >> EPOCH_BITS;

export function isEarlierEpoch(a: bigint, b: bigint): boolean {
  return epochOf(a) < epochOf(b);
}

export function sameEpoch(a: bigint, b: bigint): boolean {
  return epochOf(a) === epochOf(b);
}

const STARTS = utf8('holdfast/v1/starts');

/** Asked for with every vote, of members of a fleet only. */
const starts = new Map<Id, Id>();

/** Under what a member's starts are remembered, beside the votes that stand under its own id. */
export function startsOf(node: Id): Id {
  const known = starts.get(node) ?? hash(concatBytes(STARTS, idToBytes(node)));
  starts.set(node, known);
  return known;
}

/** Rule 2. */
export function* allSinceRestart(votes: readonly Pick<Message<'node/attempt-vote'>, 'signer' | 'sequence'>[]): Machine<boolean> {
  for (const { signer, sequence } of votes) {
    if (epochOf(sequence) < epochOf(yield* perform('seen', { node: signer }))) return false;
    if (epochOf(sequence) < epochOf(yield* perform('seen', { node: startsOf(signer) }))) return false;
  }
  return true;
}

/** Rule 3: whether this member may vote on attempts at the registration in force. */
export function votesOn(member: Member, { standing, record }: View, current: Registration): boolean {
  if (standing === 'full') return true;
  if (standing === 'none' || record?.standing === undefined) return false;
  if (registrationOf(record.standing, member.fleet).digest !== current.digest) return false;
  return record.standing.votes.every(({ bytes }) => {
    const { signer, sequence } = decodeMessage('node/register-vote', bytes);
    const since = standing.newSince.get(signer);
    return since !== undefined && sequence > since;
  });
}

/** Answers another member that has just started, after remembering durably that it did. */
export function* greet(member: Member, { hello }: Ask & { op: 'hello' }, self: Pick<View, 'sequence' | 'standing'>): Machine<Reply> {
  const { signer, nonce, started } = readOfNode('node/hello', hello, member.fleet, member.verify);
  const highest = yield* perform('seen', { node: signer });
  const latestStart = yield* perform('seen', { node: startsOf(signer) });
  // Of two starts with one epoch the first is kept: it proves that the token was put back in between.
  if (epochOf(started) > epochOf(latestStart)) yield* perform('saw', { sequences: [{ node: startsOf(signer), sequence: started }] });
  const standing = self.standing === 'full';
  return yield* say(member, 'node/hello-answer', { subject: signer, nonce, highest, latestStart, standing, sequence: self.sequence });
}
