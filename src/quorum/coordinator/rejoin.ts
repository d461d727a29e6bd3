/**
 * A member after its start asks the others whether its token was rolled back (member/rollback.ts).
 *
 * The hello says what the token held when the others last vouched for it (`found`); a verdict of `rejoined` is such a word,
 * and the driver makes it durable in the token before the member votes. Nothing counts against the member but its own signed
 * statements, which the others remember and send along.
 *
 * It votes again when enough others vouch that they have no vote of it which its token does not know: votes that were used
 * are remembered by q members, and q - 1 others and n-q+1 others overlap. The standing of who answers does not matter.
 */
import { equalBytes, type Id } from '../../base/bytes.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Signed, Verify } from '../../wire/signed.ts';
import { type Greeting, isRefusal, type Reply } from '../ask.ts';
import { isEarlierEpoch, readEvidence } from '../member/memory.ts';
import type { Evidence } from '../record.ts';
import { gather, type Patience, type Talk } from './conversation.ts';
import { readFrom } from './expected.ts';

/** How many other members' words bring a member back, unless the fleet entry asks for more: any fewer could all have missed a used vote. */
export function answersToRejoin({ nodes, quorum }: Fleet): number {
  return nodes.length - quorum + 1;
}

export interface Rejoining {
  /** Of this member, with its hello. */
  readonly self: Id;
  readonly hello: Signed;
  /** All that it remembers of the others. */
  readonly memory: readonly Signed[];
  /** How many others must vouch. */
  readonly answers: number;
  /** Whether this process made this sequence itself: a token of class `device` votes while it is asked about. */
  isOwn(sequence: bigint): boolean;
}

/** What all verdicts tell. */
interface Heard {
  /** The sequences of those that answered; generations of later votes are new to a token that was rolled back. */
  readonly newSince: ReadonlyMap<Id, bigint>;
  /** What the others remember. The driver takes it in before it does anything else. */
  readonly memory: readonly Signed[];
}

export type Verdict = Heard &
  (
    | { readonly kind: 'rejoined' }
    /** The member signed this vote, it was used, and its token does not know it. Its next epoch must be above as well, if that is given. */
    | { readonly kind: 'rolled-back'; readonly vote: Evidence; readonly above?: bigint }
    /**
     * The member started before with this epoch or a later one, and its token lost that start alone (a power cut, where the device
     * does not sync). Its next epoch must be above: votes of the lost start, if there were any, are then taken by nobody (rule 2).
     */
    | { readonly kind: 'start-lost'; readonly above: bigint }
    | { readonly kind: 'undecided'; readonly vouching: number }
  );

export function* rejoin(fleet: Fleet, verify: Verify, how: Rejoining, patience: Patience): Talk<Verdict> {
  const { self, hello, memory, answers, isOwn } = how;
  const { nonce, found, started } = decodeMessage('node/hello', hello.bytes);
  const others = fleet.nodes.map((node) => node.id).filter((node) => node !== self);
  const greetings: Greeting[] = [];
  const counts = (signed: Signed, from: Id) => readFrom('node/hello-answer', signed, from, fleet, verify) !== undefined;
  const { said } = yield* gather(others, { op: 'hello', hello, memory }, patience, { enough: others.length, counts });
  const fresh = said.flatMap(({ node, signed }) => {
    const answer = readFrom('node/hello-answer', signed, node, fleet, verify);
    if (answer?.subject !== self || !equalBytes(answer.nonce, nonce)) return [];
    if (isGreeting(signed)) greetings.push(signed);
    return [answer];
  });
  const newSince = new Map(fresh.map((answer) => [answer.signer, answer.sequence]));
  const told = greetings.flatMap((greeting) => greeting.memory);
  const heard = { newSince, memory: told };
  // What this member's own store remembers counts as well: it may have outlived the token.
  const own = readEvidence({ fleet, verify }, [...memory, ...told]).filter(({ signer, sequence }) => signer === self && !isOwn(sequence));
  const lost = own.filter(({ sequence }) => !isEarlierEpoch(sequence, started)).map(({ sequence }) => sequence);
  const above = lost.length === 0 ? undefined : lost.reduce((a, b) => (a > b ? a : b));
  const vote = own.find(({ kind, sequence }) => kind === 'vote' && sequence > found);
  if (vote !== undefined) return { ...heard, kind: 'rolled-back', vote, ...(above !== undefined && { above }) };
  if (above !== undefined) return { ...heard, kind: 'start-lost', above };
  const vouching = fresh.filter((answer) => answer.vouches).length;
  return vouching >= answers ? { ...heard, kind: 'rejoined' } : { ...heard, kind: 'undecided', vouching };
}

function isGreeting(reply: Reply): reply is Greeting {
  return !isRefusal(reply) && 'memory' in reply;
}
