/**
 * A quorum certificate: votes of q different members for the same statement. It proves itself to anyone who knows the
 * fleet, so it may come from a stranger.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Fleet, identityKeyOf } from '../fleet/fleet.ts';
import type { Message, MessageType } from '../wire/message.ts';
import { readSigned, type Signed, type Verify } from '../wire/signed.ts';

type VoteType = 'node/register-vote' | 'node/attempt-vote' | 'node/lock-statement' | 'node/activation-ack' | 'node/confirmation-ack';

/** How many members may lie without harm: what more than these say, an honest one says too. */
export function mayLie({ nodes, quorum }: Fleet): number {
  return nodes.length - quorum;
}

/** Reads a statement of a member of this fleet. @throws `malformed`, `wrong-fleet`, `not-signed` */
export function readOfNode<T extends MessageType>(type: T, signed: Signed, fleet: Fleet, verify: Verify): Message<T> {
  return readSigned(type, signed, fleet.id, identityKeyOf(fleet), verify);
}

/**
 * @param says what all votes must say; fields it leaves out (the sequence) may differ
 * @returns the votes as read, at least q, each of another member
 * @throws `not-certified`, and what `readSigned` throws
 */
export function readCertificate<T extends VoteType>(
  type: T,
  votes: readonly Signed[],
  says: Partial<Message<T>>,
  fleet: Fleet,
  verify: Verify,
): readonly Message<T>[] {
  // Bounded before any signature is verified: a stranger must not make this node check thousands.
  if (votes.length < fleet.quorum || votes.length > fleet.nodes.length) {
    fail('not-certified', `expected ${fleet.quorum} to ${fleet.nodes.length} votes`, { got: votes.length });
  }
  const read = votes.map((vote) => readOfNode(type, vote, fleet, verify));
  const signers = new Set<Id>(read.map((vote) => vote.signer));
  if (signers.size !== votes.length) fail('not-certified', 'the same member votes twice');
  for (const vote of read) {
    for (const [field, expected] of Object.entries(says)) {
      if (vote[field as keyof Message<T>] !== expected) fail('not-certified', `a ${type} says another ${field}`);
    }
  }
  return read;
}

/** The quorum certificate of one attempt: all votes name the same blinded element, whichever it is. @throws as `readCertificate` */
export function readCertifiedAttempt(
  votes: readonly Signed[],
  says: Partial<Message<'node/attempt-vote'>>,
  fleet: Fleet,
  verify: Verify,
): Message<'node/attempt-vote'> {
  const [first, ...others] = readCertificate('node/attempt-vote', votes, says, fleet, verify);
  if (first === undefined) return fail('not-certified', 'no votes');
  const { slot, generation, digest, attempt, element } = first;
  const same = (vote: Message<'node/attempt-vote'>) =>
    vote.slot === slot && vote.generation === generation && vote.digest === digest && vote.attempt === attempt && vote.element === element;
  return others.every(same) ? first : fail('not-certified', 'the votes are for different attempts');
}
