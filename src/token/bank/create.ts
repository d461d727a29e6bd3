/** An empty counter bank, for the ceremony: pages first, the root last. Never over one that was opened once. */
import { randomBytes } from 'node:crypto';
import { fail } from '../../base/errors.ts';
import type { Handle } from '../pkcs11.ts';
import { COMMITS_MAX, OBJECTS_MAX } from './bank.ts';
import { ENTRY_BYTES, JOURNAL_ENTRY_BYTES } from './entry.ts';
import { ALL_VOUCHED, NO_SEAL, PAGE_OVERHEAD_BYTES } from './objects.ts';
import type { Found, Shelf } from './shelf.ts';

export const PAGES_MAX = 96;

/**
 * Writes an empty bank: pages first, the root last. For the ceremony, after the tag secret. May be repeated when interrupted.
 * @param pageBytes largest value of a data object on this device.
 * @throws `configuration` when there is one already.
 */
export function createBank(shelf: Shelf, pages: number, pageBytes: number): void {
  if (!(Number.isInteger(pages) && pages > 0 && pages <= PAGES_MAX))
    fail('configuration', 'the number of pages is out of range', { pages, max: PAGES_MAX });
  if (pageBytes < PAGE_OVERHEAD_BYTES + 128 * ENTRY_BYTES) fail('configuration', 'a page is too small', { pageBytes });
  const left = shelf.findAll();
  if (!isUnmade(left)) fail('configuration', 'the token already has a counter bank');
  for (const { handle } of left) shelf.destroy(handle);
  proveRoom(shelf, pages, pageBytes);
  const bank = randomBytes(16);
  const named = Array.from({ length: pages }, (_, index) => {
    const { seal } = shelf.create(bank, 'page', { index, pages, version: 0n, entries: new Uint8Array() });
    return { through: 0n, seal };
  });
  shelf.create(bank, 'root', {
    version: 1n,
    sequence: 0n,
    anchor: 0n,
    anchorSeal: NO_SEAL,
    quarantine: false,
    vouched: ALL_VOUCHED,
    pageBytes,
    pages: named,
  });
}

/**
 * No bank, or what a creation left that was interrupted before its root: pages that were never written to, and nothing else.
 * A bank that lost its root is another thing: it was opened once, so it has an owner, a journal or written pages.
 */
export function isUnmade(found: readonly Found[]): boolean {
  return found.every(({ whole }) => whole === undefined || (whole.kind === 'page' && whole.body.version === 0n));
}

/**
 * Pages grow and votes must always have room, so all the room that a full bank takes is taken once, and given back.
 * @throws what the shelf throws when it is full.
 */
function proveRoom(shelf: Shelf, pages: number, pageBytes: number): void {
  const entries = new Uint8Array(Math.floor((pageBytes - PAGE_OVERHEAD_BYTES) / ENTRY_BYTES) * ENTRY_BYTES);
  const journalPages = Math.ceil(((OBJECTS_MAX - pages) * COMMITS_MAX * JOURNAL_ENTRY_BYTES) / pageBytes);
  const fillers: Handle[] = [];
  try {
    for (let index = 0; index < pages + journalPages + 1; index += 1) {
      fillers.push(shelf.create(new Uint8Array(16), 'page', { index, pages, version: 0n, entries }).handle);
    }
  } finally {
    for (const handle of fillers) shelf.destroy(handle);
  }
}
