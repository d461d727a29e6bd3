/**
 * A member after its start asks the others whether its token was rolled back (member/rollback.ts).
 *
 * It votes again when n-q+1 others in full standing know of nothing later than its token does: votes that were used are
 * known to q members, and q - 1 others and n-q+1 others overlap. A member that has itself just started may have been rolled
 * back together with this one, and so its word counts only together with that of all others (the whole fleet starts at once).
 */
import { equalBytes, type Id } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Signed, Verify } from '../../wire/signed.ts';
import { readOfNode } from '../quorum-certificate.ts';
import { gather, type Patience, type Talk } from './conversation.ts';

/** `newSince`: the sequences of those that answered; generations of later votes are new to a token that was rolled back. */
export type Verdict = { readonly newSince: ReadonlyMap<Id, bigint> } & (
  | { readonly kind: 'rejoined' }
  /** Someone knows of commits that the token does not. */
  | { readonly kind: 'rolled-back'; readonly highest: bigint }
  | { readonly kind: 'undecided'; readonly inStanding: number }
);

export function* rejoin(fleet: Fleet, self: Id, verify: Verify, hello: Signed, patience: Patience): Talk<Verdict> {
  const { nonce, found, started } = decodeMessage('node/hello', hello.bytes);
  const others = fleet.nodes.map((node) => node.id).filter((node) => node !== self);
  const { said } = yield* gather(others, { op: 'hello', hello }, undefined, patience, others.length);
  const answers = said.flatMap(({ node, signed }) => readAnswer(node, signed, fleet, verify) ?? []);
  const fresh = answers.filter((answer) => answer.subject === self && equalBytes(answer.nonce, nonce));
  // This very start is known to a member whose answer was lost. An earlier start of a token since put back is not taken for it:
  // its epoch may be the same, but not the random part below (token/bank/bank.ts).
  const known = fresh.map((answer) => answer.highest).filter((sequence) => sequence !== started);
  const highest = known.reduce((max, sequence) => (sequence > max ? sequence : max), 0n);
  const newSince = new Map(fresh.map((answer) => [answer.signer, answer.sequence]));
  if (highest > found) return { kind: 'rolled-back', highest, newSince };
  const inStanding = fresh.filter((answer) => answer.standing).length;
  const enough = inStanding >= fleet.nodes.length - fleet.quorum + 1 || fresh.length === others.length;
  return enough ? { kind: 'rejoined', newSince } : { kind: 'undecided', inStanding, newSince };
}

function readAnswer(node: Id, signed: Signed, fleet: Fleet, verify: Verify): Message<'node/hello-answer'> | undefined {
  try {
    const answer = readOfNode('node/hello-answer', signed, fleet, verify);
    return answer.signer === node ? answer : undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}
