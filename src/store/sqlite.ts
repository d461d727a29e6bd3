/**
 * The store on embedded SQLite (node:sqlite): writes go to a thread of their own (writer.ts), reads come from here. A reader
 * sees what was durable when it began, and the caller keeps a slot's calls in order, so a slot always reads its own writes.
 *
 * The directory holds `holdfast.db` with its log. One process per directory; the token's owner mark keeps a second node away.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { eventKind } from '../api/events.ts';
import { type Id, idFromBytes, idToBytes } from '../base/bytes.ts';
import { type Code, HoldfastError } from '../base/errors.ts';
import type { AccountEvent, Change, ChangePage, RecordPage, SlotRecord } from '../quorum/record.ts';
import { Reader, u64 } from '../wire/field.ts';
import type { Signed } from '../wire/signed.ts';
import { type Batches, startBatches } from './batches.ts';
import { decodeProof, decodeRow, encodeRow } from './row.ts';
import { LATEST } from './schema.ts';
import type { OnUnreadable, SaveWith, Seen, Store } from './store.ts';

const reads = {
  slot: 'SELECT proof, own, version FROM slots WHERE slot = ?',
  version: 'SELECT version FROM slots WHERE slot = ?',
  latest: LATEST,
  changes: 'SELECT changed, slot, proof FROM slots WHERE changed > ? ORDER BY changed LIMIT ?',
  records: 'SELECT slot, proof, own FROM slots WHERE slot > ? ORDER BY slot LIMIT ?',
  events: 'SELECT slot, kind, generation, digest, attempt, time FROM events WHERE account = ? ORDER BY at DESC LIMIT ?',
  memory: 'SELECT signed, signature FROM members WHERE signed IS NOT NULL ORDER BY node',
  member: 'SELECT seen, cursor FROM members WHERE node = ?',
  bundle: 'SELECT bundle FROM served',
  due: 'SELECT slot FROM slots WHERE due <= ? ORDER BY due LIMIT ?',
  nextDue: 'SELECT min(due) AS next FROM slots WHERE due IS NOT NULL',
  // No row is ever deleted, so the last row's number is their count, and reading it does not scan a million of them.
  counts: 'SELECT (SELECT coalesce(max(rowid), 0) FROM slots) AS slots, (SELECT count(*) FROM slots WHERE due IS NOT NULL) AS due',
} as const;

type Row = Readonly<Record<string, unknown>>;

/** A conversation loads its slot five times, and reading and decoding a row cost a hundred times what asking for its version does. 10 MB. */
const KEPT = 1024;

/** @throws `configuration` when the directory cannot be used or holds a store of another version */
export async function openStore(directory: string, onUnreadable: OnUnreadable): Promise<Store> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'holdfast.db');
  const batches = await startBatches(file);
  return new SqliteStore(file, batches, onUnreadable);
}

class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #batches: Batches;
  readonly #onUnreadable: OnUnreadable;
  /** What was read or written last, of slots at work lately: good while the row has this version. */
  readonly #kept = new Map<Id, { readonly version: number; readonly record: SlotRecord }>();
  readonly #seen = new Map<Id, bigint>();
  readonly #get: (name: keyof typeof reads, ...values: SQLInputValue[]) => Row | undefined;
  readonly #all: (name: keyof typeof reads, ...values: SQLInputValue[]) => readonly Row[];

  constructor(file: string, batches: Batches, onUnreadable: OnUnreadable) {
    const database = new DatabaseSync(file, { readOnly: true });
    const statements = Object.fromEntries(Object.entries(reads).map(([name, sql]) => [name, database.prepare(sql)]));
    const of = (name: keyof typeof reads) => statements[name] as ReturnType<DatabaseSync['prepare']>;
    this.#database = database;
    this.#batches = batches;
    this.#onUnreadable = onUnreadable;
    this.#get = (name, ...values) => of(name).get(...values);
    this.#all = (name, ...values) => of(name).all(...values);
  }

  async load(slot: Id): Promise<SlotRecord | undefined> {
    const kept = this.#kept.get(slot);
    if (kept !== undefined && kept.version === this.#get('version', idToBytes(slot))?.['version']) return kept.record;
    const found = this.#get('slot', idToBytes(slot));
    if (found === undefined) return undefined;
    const row = { proof: String(found['proof']), own: String(found['own']) };
    const record = this.#readable(slot, () => decodeRow(slot, row));
    if (record !== undefined) this.#keep(slot, Number(found['version']), record);
    return record;
  }

  async save(slot: Id, record: SlotRecord, { event, dueMs }: SaveWith = {}): Promise<void> {
    const written = { kind: 'slot', slot: idToBytes(slot), ...encodeRow(record), due: dueMs ?? null } as const;
    const before = this.#kept.get(slot);
    this.#kept.delete(slot);
    await this.#batches.write(event === undefined ? [written] : [written, eventRow(event)]);
    // A guess, and only that: were anything else written in between, the row would have another version.
    this.#keep(slot, (before?.version ?? 0) + 1, record);
  }

  #keep(slot: Id, version: number, record: SlotRecord): void {
    this.#kept.delete(slot);
    this.#kept.set(slot, { version, record });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
  }

  async changesAfter(cursor: number, limit: number): Promise<ChangePage> {
    // The head is read first: whatever is at or below it, the second query sees.
    const head = Number(this.#get('latest')?.['latest']);
    const rows = this.#all('changes', cursor, limit);
    const last = rows.at(-1);
    const next = last === undefined ? cursor : Number(last['changed']);
    return { changes: rows.flatMap((row) => this.#change(row) ?? []), next, head: Math.max(head, next === cursor ? head : next) };
  }

  async recordsAfter(after: Id | undefined, limit: number): Promise<RecordPage> {
    const rows = this.#all('records', after === undefined ? new Uint8Array() : idToBytes(after), limit);
    const records = rows.flatMap((row) => {
      const slot = idOf(row['slot']);
      const record = this.#readable(slot, () => decodeRow(slot, { proof: String(row['proof']), own: String(row['own']) }));
      return record === undefined ? [] : [{ slot, record }];
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { records, ...(last && { next: idOf(last['slot']) }) };
  }

  async events(account: Id, limit: number): Promise<readonly AccountEvent[]> {
    return this.#all('events', idToBytes(account), limit).flatMap((row) => {
      const kind = eventKind.safeParse(row['kind']);
      if (!kind.success) return [];
      const [generation, attempt, time] = [Number(row['generation']), Number(row['attempt']), Number(row['time'])];
      return [{ account, slot: idOf(row['slot']), kind: kind.data, generation, digest: idOf(row['digest']), attempt, time }];
    });
  }

  async seen(node: Id): Promise<bigint> {
    const known = this.#seen.get(node);
    if (known !== undefined) return known;
    const stored = this.#get('member', idToBytes(node))?.['seen'];
    const seen = stored instanceof Uint8Array && stored.length === 8 ? u64.read(new Reader(stored)) : 0n;
    // Of the fleet's nodes only, so there are few: whoever asks has found the id in the fleet entry.
    this.#seen.set(node, seen);
    return seen;
  }

  async saw(evidence: readonly Seen[]): Promise<void> {
    const newer: Seen[] = [];
    for (const one of evidence) if (one.sequence > (await this.seen(one.node))) newer.push(one);
    if (newer.length === 0) return;
    await this.#batches.write(
      newer.map(({ node, sequence, by: { bytes, signature } }) => {
        return { kind: 'saw', node: idToBytes(node), sequence: u64.write(sequence), signed: bytes, signature } as const;
      }),
    );
    // Not before it is durable: whoever is told of it acts on it.
    for (const { node, sequence } of newer) if (sequence > (this.#seen.get(node) ?? 0n)) this.#seen.set(node, sequence);
  }

  async memory(): Promise<readonly Signed[]> {
    return this.#all('memory').flatMap(({ signed: bytes, signature }) =>
      bytes instanceof Uint8Array && signature instanceof Uint8Array ? [{ bytes, signature }] : [],
    );
  }

  async cursor(peer: Id): Promise<number> {
    return Number(this.#get('member', idToBytes(peer))?.['cursor'] ?? 0);
  }

  keepCursor(peer: Id, cursor: number): Promise<void> {
    return this.#batches.write([{ kind: 'cursor', node: idToBytes(peer), cursor }]);
  }

  async bundle(): Promise<string | undefined> {
    const bundle = this.#get('bundle')?.['bundle'];
    return typeof bundle === 'string' ? bundle : undefined;
  }

  keepBundle(text: string): Promise<void> {
    return this.#batches.write([{ kind: 'bundle', bundle: text }]);
  }

  async due(nowMs: number, limit: number): Promise<readonly Id[]> {
    return this.#all('due', nowMs, limit).map((row) => idOf(row['slot']));
  }

  async nextDueMs(): Promise<number | undefined> {
    const next = this.#get('nextDue')?.['next'];
    return typeof next === 'number' ? next : undefined;
  }

  postpone(slot: Id, dueMs: number): Promise<void> {
    return this.#batches.write([{ kind: 'postpone', slot: idToBytes(slot), due: dueMs }]);
  }

  async counts(): Promise<{ slots: number; due: number }> {
    const row = this.#get('counts');
    return { slots: Number(row?.['slots']), due: Number(row?.['due']) };
  }

  async close(): Promise<void> {
    await this.#batches.close();
    this.#database.close();
  }

  #change(row: Row): Change | undefined {
    const slot = idOf(row['slot']);
    const proof = this.#readable(slot, () => decodeProof(String(row['proof'])));
    // Where only this member's own votes stand, there is nothing to tell.
    return proof && Object.keys(proof).length > 0 ? { cursor: Number(row['changed']), slot, proof } : undefined;
  }

  /** The disk may be damaged or forged: that must cost this slot a catch-up, never the process. */
  #readable<T>(slot: Id, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      const code: Code | undefined = error instanceof HoldfastError ? error.code : undefined;
      if (code !== 'malformed' && code !== 'too-large') throw error;
      this.#onUnreadable(slot, (error as HoldfastError).message);
      return undefined;
    }
  }
}

const idOf = (value: unknown): Id => idFromBytes(value as Uint8Array);

function eventRow({ account, slot, kind, generation, digest, attempt, time }: AccountEvent) {
  const values = [idToBytes(slot), kind, generation, idToBytes(digest), attempt, time] as const;
  return { kind: 'event', account: idToBytes(account), values } as const;
}
