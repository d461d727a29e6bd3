/**
 * One slot's counters as they stand in the token, and the one rule by which they may change.
 *
 *   entry = 12 tag | u32 voted | u32 active | u32 tried | u32 cleared | u8 locked          29 bytes
 *   key   = u32 place | 12 tag   = HMAC-SHA256(tag secret, "holdfast/v1/token/slot" | 16 bank | 32 slot), cut to 16 bytes
 *
 * The place chooses the page, the tag names the slot in it; both are keyed, so that what is in a token names no account.
 */
import { fail } from '../../base/errors.ts';
import type { Counters } from '../../quorum/counters.ts';

export const TAG_BYTES = 12;
export const KEY_BYTES = 4 + TAG_BYTES;
const COUNTERS_BYTES = 17;
export const ENTRY_BYTES = TAG_BYTES + COUNTERS_BYTES;
/** An entry of the journal carries the place too. */
export const JOURNAL_ENTRY_BYTES = KEY_BYTES + COUNTERS_BYTES;

const MAX = 0xffff_ffff;
const NUMBERS = ['voted', 'active', 'tried', 'cleared'] as const;

/** @throws `malformed` for what 32 bits do not hold: counters saturate and refuse, they never wrap. */
export function encodeCounters(counters: Counters): Uint8Array {
  const out = new Uint8Array(COUNTERS_BYTES);
  const view = new DataView(out.buffer);
  for (const [i, name] of NUMBERS.entries()) {
    const value = counters[name];
    if (!(Number.isInteger(value) && value >= 0 && value <= MAX))
      fail('malformed', 'a counter is not an unsigned 32-bit integer', { name, value });
    view.setUint32(4 * i, value);
  }
  out[16] = counters.locked ? 1 : 0;
  return out;
}

/** @param at offset of the 17 bytes. */
export function decodeCounters(bytes: Uint8Array, at: number): Counters {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, COUNTERS_BYTES);
  return {
    voted: view.getUint32(0),
    active: view.getUint32(4),
    tried: view.getUint32(8),
    cleared: view.getUint32(12),
    locked: view.getUint8(16) !== 0,
  };
}

/**
 * What would go backwards, or nothing. `tried`, `cleared` and `locked` belong to the generation in force: they are compared
 * only within the same one, so that an old attempt can never be merged into a new generation or the other way round.
 */
export function decrease(from: Counters, to: Counters): keyof Counters | undefined {
  if (to.voted < from.voted) return 'voted';
  if (to.active !== from.active) return to.active < from.active ? 'active' : undefined;
  if (to.tried < from.tried) return 'tried';
  if (to.cleared < from.cleared) return 'cleared';
  // A success that a quorum acknowledged ends a lock statement that stands alone (quorum/member/confirm.ts).
  return from.locked && !to.locked && to.cleared === from.cleared ? 'locked' : undefined;
}

/** The page of a key: the hash space cut into equal parts. */
export function pageOf(key: Uint8Array, pages: number): number {
  const place = new DataView(key.buffer, key.byteOffset, 4).getUint32(0);
  return Math.floor((place * pages) / 2 ** 32);
}
