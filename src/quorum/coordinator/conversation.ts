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

/**
 * Asks all the given members; one that is behind is taught once and asked again.
 * @param counts whether a statement is one of those waited for
 * @param enough how many of those suffice
 */
export function* gather(
  members: readonly Id[],
  ask: Ask,
  slot: Id | undefined,
  { startMs, lingerMs, limitMs }: Patience,
  enough: number,
  counts: (signed: Signed, from: Id) => boolean = () => true,
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
    if (isRefusal(reply)) {
      if (slot !== undefined && isBehind(reply) && !taught.has(from)) {
        taught.add(from);
        yield* does('teach', { to: from, slot, ask });
        open += 1;
      } else refused.set(from, reply);
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

const isBehind = ({ refused }: Refusal): boolean => refused === 'unknown-generation' || refused === 'not-found';
