/**
 * How a coordinator talks with members: it asks many, and takes what arrives in whatever order, until it has enough or
 * time is up. A coordinator is any node that carries messages; nothing rests on its honesty, so all it can do is fail.
 */
import type { Id } from '../../base/bytes.ts';
import type { Signed } from '../../wire/signed.ts';
import { type Ask, isRefusal, type Refusal, type Reply } from '../ask.ts';

export interface Arrival {
  readonly from: Id;
  /** Nothing when the member could not be reached. */
  readonly reply: Reply | undefined;
}

interface Results {
  /** Sends; the reply arrives later. */
  ask: { to: Id; ask: Ask; result: undefined };
  /** Sends this node's own proof of a slot, then asks; for a member that is behind. The reply arrives later. */
  teach: { to: Id; slot: Id; ask: Ask; result: undefined };
  /** The next arrival, or nothing when `untilMs` comes first. */
  next: { untilMs: number; result: { readonly arrival: Arrival | undefined; readonly now: number } };
  /** Takes the other members' proofs of a slot and learns them; how many others answered until then. */
  learn: { slot: Id; untilMs: number; result: number };
  /** The highest commit sequence this node ever saw of a member. */
  seen: { node: Id; result: bigint };
}

type EffectKind = keyof Results;
export type TalkEffect = { [K in EffectKind]: { readonly kind: K } & Omit<Results[K], 'result'> }[EffectKind];
export type Talk<T> = Generator<TalkEffect, T, unknown>;

export function* does<K extends EffectKind>(kind: K, of: Omit<Results[K], 'result'>): Talk<Results[K]['result']> {
  return (yield { kind, ...of } as unknown as TalkEffect) as Results[K]['result'];
}

/** All that was said, by whom: what a client gets, and checks itself. */
export interface Gathered {
  readonly said: readonly { readonly node: Id; readonly signed: Signed }[];
  readonly refused: readonly { readonly node: Id; readonly refusal: Refusal }[];
}

export interface Patience {
  /** Milliseconds since 1970: when this conversation began. */
  readonly startMs: number;
  /** How long to wait for the others once enough have spoken. */
  readonly lingerMs: number;
  /** How long to wait at all. */
  readonly limitMs: number;
}

/** What a conversation waits for, and whom it teaches. */
export interface Expected {
  /** How many statements suffice. */
  readonly enough: number;
  /** Whether a statement is one of those. (Attack: a member that is quick with nonsense cuts off those who are slow and honest.) */
  counts(signed: Signed, from: Id): boolean;
  /** The slot in which a member that is behind is taught; nothing where nobody is. */
  readonly slot?: Id | undefined;
  /** Whether a reply shows that its member is behind; by default a refusal of one who does not know what is asked about. */
  isBehind?(reply: Reply, from: Id): boolean;
}

/** Asks all the given members; one that is behind is taught once and asked again. */
export function* gather(
  members: readonly Id[],
  ask: Ask,
  { startMs, lingerMs, limitMs }: Patience,
  { enough, counts, slot, isBehind = lacksRecord }: Expected,
): Talk<Gathered> {
  for (const to of members) yield* does('ask', { to, ask });
  const said = new Map<Id, Signed>();
  const refused = new Map<Id, Refusal>();
  const taught = new Set<Id>();
  let open = members.length;
  let counted = 0;
  let untilMs = startMs + limitMs;
  while (open > 0) {
    const { arrival, now } = yield* does('next', { untilMs });
    if (arrival === undefined) break;
    const { from, reply } = arrival;
    open -= 1;
    if (reply === undefined || said.has(from)) continue;
    if (slot !== undefined && !taught.has(from) && isBehind(reply, from)) {
      taught.add(from);
      yield* does('teach', { to: from, slot, ask });
      open += 1;
      continue;
    }
    if (isRefusal(reply)) {
      refused.set(from, reply);
      continue;
    }
    said.set(from, reply);
    if (counts(reply, from)) counted += 1;
    if (counted === enough) untilMs = Math.min(untilMs, now + lingerMs);
  }
  return {
    said: [...said].map(([node, signed]) => ({ node, signed })),
    refused: [...refused].map(([node, refusal]) => ({ node, refusal })),
  };
}

/** Refused by a member that has not heard of what is in force. */
export function lacksRecord(reply: Reply): boolean {
  return isRefusal(reply) && (reply.refused === 'unknown-generation' || reply.refused === 'not-found');
}
