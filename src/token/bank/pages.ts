/**
 * The counters of a token in memory: per page the entries as they will be written, and an index by tag. An entry, once
 * made, keeps its place for ever: it is never freed and never given to another slot.
 */
import { assert } from '../../base/errors.ts';
import { type Counters, NEW_COUNTERS } from '../../quorum/counters.ts';
import { decodeCounters, ENTRY_BYTES, encodeCounters, KEY_BYTES, pageOf, TAG_BYTES } from './entry.ts';
import { PAGE_OVERHEAD_BYTES, type Page } from './objects.ts';

/** Registrations are refused when a page has fewer free entries than this, so that those under way still fit. */
const RESERVE_ENTRIES = 64;

interface Loaded {
  /** Room for the page's capacity or less; the first `used` bytes count. */
  bytes: Uint8Array;
  used: number;
  readonly offsets: Map<string, number>;
  version: bigint;
  /** Sequence of the first commit since the page was written to the token. */
  dirtySince: bigint | undefined;
}

export class Pages {
  readonly #pages: readonly Loaded[];
  readonly #capacityBytes: number;

  constructor(pages: readonly Page[], pageBytes: number) {
    this.#capacityBytes = Math.floor((pageBytes - PAGE_OVERHEAD_BYTES) / ENTRY_BYTES) * ENTRY_BYTES;
    this.#pages = pages.map(({ entries, version }) => {
      const offsets = new Map<string, number>();
      for (let at = 0; at < entries.length; at += ENTRY_BYTES) offsets.set(tagOf(entries, at), at);
      assert(offsets.size * ENTRY_BYTES === entries.length, 'a page names each slot once');
      return { bytes: entries.slice(), used: entries.length, offsets, version, dirtySince: undefined };
    });
  }

  get count(): number {
    return this.#pages.length;
  }

  /** How many slots are counted. */
  get slots(): number {
    return this.#pages.reduce((sum, { offsets }) => sum + offsets.size, 0);
  }

  /** False: no new slots, please. Those that are counted already always have their place. */
  get hasRoom(): boolean {
    return this.#pages.every(({ used }) => used + RESERVE_ENTRIES * ENTRY_BYTES <= this.#capacityBytes);
  }

  indexOf(key: Uint8Array): number {
    return pageOf(key, this.#pages.length);
  }

  /** `NEW_COUNTERS` for a slot that was never counted: the pages are proven to be all there. */
  read(key: Uint8Array): Counters {
    const page = this.#page(this.indexOf(key));
    const at = page.offsets.get(tagOf(key, KEY_BYTES - TAG_BYTES));
    return at === undefined ? NEW_COUNTERS : decodeCounters(page.bytes, at + TAG_BYTES);
  }

  /** Whether `more` further slots have a place in the page of this key. */
  fits(key: Uint8Array, more: number): boolean {
    const page = this.#page(this.indexOf(key));
    return page.offsets.has(tagOf(key, KEY_BYTES - TAG_BYTES)) || page.used + (more + 1) * ENTRY_BYTES <= this.#capacityBytes;
  }

  write(key: Uint8Array, counters: Counters, sequence: bigint): void {
    const page = this.#page(this.indexOf(key));
    const tag = tagOf(key, KEY_BYTES - TAG_BYTES);
    let at = page.offsets.get(tag);
    if (at === undefined) {
      at = page.used;
      page.used += ENTRY_BYTES;
      assert(page.used <= this.#capacityBytes, 'a page is written only within its capacity');
      if (page.used > page.bytes.length) page.bytes = grown(page.bytes, Math.min(this.#capacityBytes, Math.max(4096, 2 * page.used)));
      page.bytes.set(key.subarray(KEY_BYTES - TAG_BYTES), at);
      page.offsets.set(tag, at);
    }
    page.bytes.set(encodeCounters(counters), at + TAG_BYTES);
    page.dirtySince ??= sequence;
  }

  /** The page that has waited longest to be written. */
  oldestDirty(): number | undefined {
    let oldest: number | undefined;
    for (const [index, { dirtySince }] of this.#pages.entries()) {
      if (dirtySince !== undefined && (oldest === undefined || dirtySince < (this.#page(oldest).dirtySince ?? 0n))) oldest = index;
    }
    return oldest;
  }

  /** Through which sequence the page in the token is complete, given the last commit. */
  through(index: number, last: bigint): bigint {
    const { dirtySince } = this.#page(index);
    return dirtySince === undefined ? last : dirtySince - 1n;
  }

  /** The page as its next version. */
  next(index: number): Page {
    const { bytes, used, version } = this.#page(index);
    return { index, pages: this.#pages.length, version: version + 1n, entries: bytes.subarray(0, used) };
  }

  /** The next version is in the token. */
  written(index: number): void {
    const page = this.#page(index);
    page.version += 1n;
    page.dirtySince = undefined;
  }

  #page(index: number): Loaded {
    const page = this.#pages[index];
    assert(page !== undefined, 'the page exists');
    return page;
  }
}

/** A map key of one character per byte. */
function tagOf(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, TAG_BYTES).toString('latin1');
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}
