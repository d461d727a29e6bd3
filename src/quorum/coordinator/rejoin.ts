/**
 * A member after its start asks the others whether its token was rolled back (member/rollback.ts).
 *
 * The hello says what the token held when the others last vouched for it (`found`); a verdict of `rejoined` is such a word,
 * and the driver makes it durable in the token before the member votes.
 *
 * It votes again when n-q+1 others in full standing know of nothing later than its token does: votes that were used are
 * known to q members, and q - 1 others and n-q+1 others overlap. A member that has itself just started may have been rolled
 * back together with this one, and so its word counts only together with that of all others (the whole fleet starts at once).
 */
import { equalBytes, type Id } from '../../base/bytes.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import type { Signed, Verify } from '../../wire/signed.ts';
import { isEarlierEpoch } from '../member/rollback.ts';
import { gather, type Patience, type Talk } from './conversation.ts';
import { readFrom } from './expected.ts';

/** `newSince`: the sequences of those that answered; generations of later votes are new to a token that was rolled back. */
export type Verdict = { readonly newSince: ReadonlyMap<Id, bigint> } & (
  | { readonly kind: 'rejoined' }
  /**
   * Someone knows of commits that the token does not. The driver remembers the highest as seen of this member itself: votes
   * of an earlier epoch are taken by nobody, and it must not put its own into certificates that it coordinates.
   */
  | { readonly kind: 'rolled-back'; readonly highest: bigint }
  | { readonly kind: 'undecided'; readonly inStanding: number }
);

/** @param latest the token's sequence when the answers are read */
export function* rejoin(fleet: Fleet, self: Id, verify: Verify, hello: Signed, patience: Patience, latest: () => bigint): Talk<Verdict> {
  const { nonce, found, started } = decodeMessage('node/hello', hello.bytes);
  const others = fleet.nodes.map((node) => node.id).filter((node) => node !== self);
  const counts = (signed: Signed, from: Id) => readFrom('node/hello-answer', signed, from, fleet, verify) !== undefined;
  const { said } = yield* gather(others, { op: 'hello', hello }, patience, { enough: others.length, counts });
  const answers = said.flatMap(({ node, signed }) => readFrom('node/hello-answer', signed, node, fleet, verify) ?? []);
  const fresh = answers.filter((answer) => answer.subject === self && equalBytes(answer.nonce, nonce));
  const newSince = new Map(fresh.map((answer) => [answer.signer, answer.sequence]));
  if (fresh.some((answer) => contradicts(answer, found, started, latest()))) {
    const known = fresh.flatMap(({ highest, latestStart }) => [highest, latestStart]);
    return { kind: 'rolled-back', highest: known.reduce((a, b) => (a > b ? a : b)), newSince };
  }
  const inStanding = fresh.filter((answer) => answer.standing).length;
  const enough = inStanding >= fleet.nodes.length - fleet.quorum + 1 || fresh.length === others.length;
  return enough ? { kind: 'rejoined', newSince } : { kind: 'undecided', inStanding, newSince };
}

/**
 * Whether another member knows of a vote, or of a start, that the token does not: of a vote after what was found that is not
 * of this very life (a token of class `device` votes meanwhile); of another start with this epoch, told apart by its random
 * part (token/bank/bank.ts), or with a later one.
 */
function contradicts({ highest, latestStart }: Message<'node/hello-answer'>, found: bigint, started: bigint, latest: bigint): boolean {
  const ownVote = started <= highest && highest <= latest;
  if (highest > found && !ownVote) return true;
  return latestStart !== started && !isEarlierEpoch(latestStart, started);
}
