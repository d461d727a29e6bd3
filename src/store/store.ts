/**
 * What a member keeps on its disk, as a port: records, the account's event feed, what it saw of others. Implemented on SQLite
 * (sqlite.ts); used by node/. Whoever controls it can make the member forget, and then it refuses until it has caught up:
 * every counter is the token's, and every record proves itself or is checked against the token.
 *
 * What is saved is durable once the promise resolves. What cannot be read back is reported by slot and treated as lost, so
 * that catch-up heals it.
 */
import type { Id } from '../base/bytes.ts';
import type { AccountEvent, ChangePage, RecordPage, SlotRecord } from '../quorum/record.ts';
import type { Signed } from '../wire/signed.ts';

export interface SaveWith {
  /** Goes into the account's feed in the same transaction. */
  readonly event?: AccountEvent;
  /** Milliseconds since 1970: when this slot wants attention (`due`). Without it, never. */
  readonly dueMs?: number;
}

/** A sequence of a member, or of its starts (quorum/member/memory.ts), and the statement of that member that shows it. */
export interface Seen {
  readonly node: Id;
  readonly sequence: bigint;
  readonly by: Signed;
}

export interface Store {
  load(slot: Id): Promise<SlotRecord | undefined>;
  /** @throws `overloaded` when too many writes wait; then nothing was written */
  save(slot: Id, record: SlotRecord, more?: SaveWith): Promise<void>;
  /** Slots whose proof changed after this cursor; 0 for all. */
  changesAfter(cursor: number, limit: number): Promise<ChangePage>;
  /** Records in the order of their slots; unreadable ones are left out. @param after nothing for the start */
  recordsAfter(after: Id | undefined, limit: number): Promise<RecordPage>;
  /** The account's latest events, newest first. Of each slot and kind only the latest are kept (schema.ts): no kind pushes out another. */
  events(account: Id, limit: number): Promise<readonly AccountEvent[]>;
  /** The highest commit sequence kept of a member; 0 for none. */
  seen(node: Id): Promise<bigint>;
  /** Keeps the highest of each, with the statement that shows it. */
  saw(evidence: readonly Seen[]): Promise<void>;
  /** Every statement that is kept so; nothing was checked since. */
  memory(): Promise<readonly Signed[]>;
  /** How far a peer's changes were learnt; 0 for not at all. */
  cursor(peer: Id): Promise<number>;
  keepCursor(peer: Id, cursor: number): Promise<void>;
  /** The bundle that this node serves, as text; nothing was checked since it was kept. */
  bundle(): Promise<string | undefined>;
  keepBundle(text: string): Promise<void>;
  /** Slots that want attention at this time, the longest waiting first. */
  due(nowMs: number, limit: number): Promise<readonly Id[]>;
  /** The earliest time at which a slot wants attention. */
  nextDueMs(): Promise<number | undefined>;
  postpone(slot: Id, dueMs: number): Promise<void>;
  counts(): Promise<{ readonly slots: number; readonly due: number }>;
  /** Writes what waits, then closes. */
  close(): Promise<void>;
}

/** Told of a row that does not parse; the row is treated as lost. */
export type OnUnreadable = (slot: Id, why: string) => void;
