/**
 * Tokens of class `host` are files on a disk, and a disk can be rolled back: the token then forgets votes that it gave.
 * Three rules make such a member harmless (after ROTE, USENIX Security 2017; the argument stands in docs/design.md, "Rollback"):
 *
 * 1. A commit sequence counts every change of a token; its upper half, the *epoch*, rises with every start. Others remember
 *    the latest vote of it that was used (memory.ts), and after a start the member asks them (coordinator/rejoin.ts). If any
 *    shows a vote of the member's own that its token does not know, the member is quarantined. The token remembers the point at
 *    which the others last vouched for it over as many starts as it takes: else a second start would take the first one for its past.
 * 2. Others remember the latest start too, apart from the votes, so that it covers up none. A quorum certificate (of an
 *    attempt, of a lock) is accepted for the first time only if no vote in it is from an earlier epoch than its member's
 *    latest known one. So a vote that was held back while its token was rolled back is worth nothing afterwards.
 * 3. In quarantine a member votes only on generations that came to be afterwards: every register vote in their quorum
 *    certificate is later than its voter's sequence when the quarantine began. Two quorums share a voter, nobody votes
 *    twice for a generation: so no earlier quorum certificate of it exists, and nothing about it can have been forgotten.
 */
import type { Registration } from '../../vault/registration.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Ask, Greeting, Member } from '../ask.ts';
import { type Machine, perform, type View } from '../effects.ts';
import { readOfNode } from '../quorum-certificate.ts';
import { isEarlierEpoch, startsOf, takeIn } from './memory.ts';
import { registrationOf, say } from './standing.ts';

/** Rule 2. */
export function* allSinceRestart(votes: readonly Pick<Message<'node/attempt-vote'>, 'signer' | 'sequence'>[]): Machine<boolean> {
  for (const { signer, sequence } of votes) {
    if (isEarlierEpoch(sequence, yield* perform('seen', { node: signer }))) return false;
    if (isEarlierEpoch(sequence, yield* perform('seen', { node: startsOf(signer) }))) return false;
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

/**
 * Answers another member that has just started, after remembering durably that it did, with all that is remembered here.
 * @param merged whether this member has heard the memory of enough others since its own start: before, it vouches for nobody
 */
export function* greet(
  member: Member,
  { hello, memory }: Ask & { op: 'hello' },
  { sequence, merged }: Pick<View, 'sequence'> & { readonly merged: boolean },
): Machine<Greeting> {
  const { signer, nonce } = readOfNode('node/hello', hello, member.fleet, member.verify);
  yield* takeIn(member, [hello, ...memory]);
  const answer = yield* say(member, 'node/hello-answer', { subject: signer, nonce, vouches: merged, sequence });
  return { ...answer, memory: yield* perform('memory', {}) };
}
