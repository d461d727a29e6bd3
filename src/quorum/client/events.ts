/**
 * The account's feed: what the nodes recorded, so that the owner sees guesses and announcements that are not his. Each node's
 * text counts only under its own signature over this request's nonce: whoever carries the messages can leave nodes out,
 * but cannot change a line, show an old feed, or speak for a node. What only a minority tells may be made up by it.
 */
import { equalBytes, type Id, NO_ID, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { slotId } from '../../vault/slot.ts';
import { hash } from '../../wire/signed.ts';
import type { AccountEvent } from '../record.ts';
import { act, type Client, type ClientMachine, type Feed } from './effects.ts';
import { readHeard } from './status.ts';

/** One event with all who tell it; each by its own clock, in milliseconds since 1970. */
export interface SeenEvent extends Omit<AccountEvent, 'account' | 'time'> {
  readonly seen: readonly { readonly node: Id; readonly timeMs: number }[];
  /** More nodes tell it than may lie. A true event can be told by fewer: only those who took part record a guess. */
  readonly certain: boolean;
}

export interface AccountEvents {
  /** The nodes whose feeds these are, at least a quorum. */
  readonly nodes: readonly Id[];
  /** Newest first, by the middle one of the times told. */
  readonly events: readonly SeenEvent[];
}

/** @throws `no-quorum` */
export function* askEvents(client: Client): ClientMachine<AccountEvents> {
  const slot = slotId(client.place);
  for (let turns = 0; turns < client.fleet.nodes.length; turns += 1) {
    const { request, nonce } = yield* act('request', { operation: 'events', slot, generation: 0, digest: NO_ID, attempt: 0, body: NO_ID });
    const { said, feeds = [] } = yield* act('call', { call: { op: 'events', request } });
    const { account } = client.place;
    const statements = readHeard(client, 'node/events', said).filter((one) => one.account === account && equalBytes(one.nonce, nonce));
    const signed = new Map(statements.map((one) => [one.signer, one.events]));
    const told = new Map(feeds.filter(({ node, text }) => signed.get(node) === hash(utf8(text))).map((feed) => [feed.node, feed]));
    if (told.size >= client.fleet.quorum) return { nodes: [...told.keys()], events: merge(client, [...told.values()]) };
    yield* act('turn', {});
  }
  return fail('no-quorum', `fewer than ${client.fleet.quorum} nodes tell the events of this account`);
}

function merge({ fleet, place }: Client, feeds: readonly Feed[]): SeenEvent[] {
  const merged = new Map<string, { event: Omit<AccountEvent, 'account' | 'time'>; seen: Map<Id, number> }>();
  for (const { node, events } of feeds) {
    for (const { account, time, ...event } of events) {
      if (account !== place.account) continue;
      const { slot, kind, generation, digest, attempt } = event;
      const key = [slot, kind, generation, digest, attempt].join(' ');
      const known = merged.get(key) ?? { event, seen: new Map() };
      // Told twice by a node (a restored disk, say), it is one event: the first time counts, and lists begin with the last.
      known.seen.set(node, time);
      merged.set(key, known);
    }
  }
  const mayLie = fleet.nodes.length - fleet.quorum;
  const sorted = [...merged.values()].sort((a, b) => middle(b.seen) - middle(a.seen));
  return sorted.map(({ event, seen }) => ({
    ...event,
    seen: [...seen].map(([node, timeMs]) => ({ node, timeMs })),
    certain: seen.size > mayLie,
  }));
}

function middle(seen: ReadonlyMap<Id, number>): number {
  return [...seen.values()].sort((a, b) => a - b)[Math.floor(seen.size / 2)] ?? 0;
}
