/**
 * The journal of a counter bank: a chain of objects, each naming the one before it. As commits arrive it is many small objects;
 * a run of them is put together into one *digest*, which keeps the latest counters of each slot and takes the run's place in the
 * chain. So a few dozen objects hold a hundred thousand commits, and the pages, which cost the most to write, are written once
 * in as many. Pure; src/token/bank/bank.ts writes, src/token/bank/proof.ts reads.
 *
 * A run is of one start of the token and never holds the word that the node is quarantined: what is said there stays an object
 * of its own.
 */
import { concatBytes, toHex } from '../../base/bytes.ts';
import type { Counters } from '../../quorum/counters.ts';
import { u32 } from '../../wire/field.ts';
import { decodeCounters, JOURNAL_ENTRY_BYTES, KEY_BYTES } from './entry.ts';
import { type Body, DIGEST_ENTRY_BYTES, type Whole } from './objects.ts';

export const startOf = (sequence: bigint): bigint => sequence >> 32n;

/** One object of the chain, of either kind. */
export interface Link {
  readonly kind: 'journal' | 'digest';
  readonly first: bigint;
  readonly last: bigint;
  readonly previous: Uint8Array;
  readonly seal: Uint8Array;
  /** By what the next object names this one. */
  readonly end: Uint8Array;
  readonly quarantine: boolean;
  readonly vouched: bigint;
  /** As a digest holds them. */
  readonly entries: Uint8Array;
}

export interface Commit {
  readonly sequence: bigint;
  /** 16 bytes. */
  readonly key: Uint8Array;
  readonly counters: Counters;
}

export function linkOf(whole: Whole & { kind: 'journal' | 'digest' }): Link {
  const { seal } = whole;
  if (whole.kind === 'digest') return { ...whole.body, kind: 'digest', seal, quarantine: false };
  return { ...whole.body, kind: 'journal', seal, end: seal, entries: numbered(whole.body.entries) };
}

/** Entries of a journal object stand for one sequence each; in a digest each says which. */
export function numbered(entries: Uint8Array): Uint8Array {
  const count = entries.length / JOURNAL_ENTRY_BYTES;
  const all = new Uint8Array(count * DIGEST_ENTRY_BYTES);
  const view = new DataView(all.buffer);
  for (let i = 0; i < count; i += 1) {
    view.setUint32(i * DIGEST_ENTRY_BYTES, i);
    all.set(entries.subarray(i * JOURNAL_ENTRY_BYTES, (i + 1) * JOURNAL_ENTRY_BYTES), i * DIGEST_ENTRY_BYTES + 4);
  }
  return all;
}

export function* commitsOf({ first, entries }: Pick<Link, 'first' | 'entries'>): Generator<Commit> {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  for (let at = 0; at < entries.length; at += DIGEST_ENTRY_BYTES) {
    const key = entries.subarray(at + 4, at + 4 + KEY_BYTES);
    yield { sequence: first + BigInt(view.getUint32(at)), key, counters: decodeCounters(entries, at + 4 + KEY_BYTES) };
  }
}

/** What is inside a digest, and so not missed where the digest stands in its place. */
export function covers(digest: Link, other: Link): boolean {
  return digest.kind === 'digest' && digest.first <= other.first && other.last <= digest.last;
}

/** The longest run that fits into one digest: the fewer objects, the longer until a page must be written. */
export function longestRun<L extends Link>(links: readonly L[], entriesMax: number): readonly L[] {
  let longest: readonly L[] = [];
  let run: L[] = [];
  let count = 0;
  for (const link of links) {
    const more = link.entries.length / DIGEST_ENTRY_BYTES;
    const [first] = run;
    const fits = first !== undefined && startOf(first.first) === startOf(link.last) && count + more <= entriesMax;
    if (link.quarantine || !fits) [run, count] = [[], 0];
    if (link.quarantine) continue;
    run.push(link);
    count += more;
    if (run.length > longest.length) longest = [...run];
  }
  return longest;
}

/** @param run adjacent links, at least one */
export function digestOf(run: readonly Link[]): Body<'digest'> {
  const [head, tail] = [run[0] as Link, run.at(-1) as Link];
  const latest = new Map<string, Uint8Array>();
  for (const { first, entries } of run) {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    const ahead = Number(first - head.first);
    for (let at = 0; at < entries.length; at += DIGEST_ENTRY_BYTES) {
      const entry = entries.subarray(at + 4, at + DIGEST_ENTRY_BYTES);
      const name = toHex(entry.subarray(0, KEY_BYTES));
      // Anew at the end: entries stand in the order of their sequences.
      latest.delete(name);
      latest.set(name, concatBytes(u32.write(ahead + view.getUint32(at)), entry));
    }
  }
  const { first, previous } = head;
  const { last, vouched, end } = tail;
  return { previous, end, first, last, vouched, entries: concatBytes(...latest.values()) };
}
