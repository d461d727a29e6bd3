/**
 * Tiles (c2sp.org/tlog-tiles): a log as a finite set of files that never change. A tile at level L holds the hashes of up to
 * 256 complete subtrees of 256^L leaves; an entry bundle holds the up to 256 leaves beside a tile of level 0.
 *
 *   tile/<L>/<N>[.p/<W>]        <W> x 32 bytes
 *   tile/entries/<N>[.p/<W>]    <W> x ( u16 length | leaf )
 *
 * <N> is in groups of three digits, all but the last behind an x; .p/<W> stands for the width of one that is not full. The
 * witness writes them; whoever audits reads hashes through them (`tileReader`), and checks what it makes of those against a
 * signed root.
 */
import { concatBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type HashReader, nodeHash } from './merkle.ts';

export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
const HASH_BYTES = 32;
/** What the u16 before each leaf can say. */
export const LEAF_BYTES_MAX = 65_535;

export interface Tile {
  /** 0 to 63 for hashes; `entries` for the leaves themselves. */
  readonly level: number | 'entries';
  readonly index: number;
  /** 1 to 256; 256 is a full one. */
  readonly width: number;
}

/** From the root of the log's address, without a slash in front. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/[0-9]{3}/g) ?? [];
  const spelled = groups.map((group, i) => (i === groups.length - 1 ? group : `x${group}`)).join('/');
  return `tile/${level}/${spelled}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

const PATH = /^tile\/(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** @throws `malformed` unless `path` is the one spelling of a tile's path */
export function parseTilePath(path: string): Tile {
  const [, level, groups, width] = PATH.exec(path) ?? [];
  if (level === undefined || groups === undefined) return fail('malformed', 'expected the path of a tile: tile/<L>/<N>[.p/<W>]');
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  return Number.isSafeInteger(tile.index) && tilePath(tile) === path
    ? tile
    : fail('malformed', 'the path of a tile is not in its one spelling');
}

/** The tile in which a tree of `size` leaves has hash `place` of level `level`, as wide as that tree makes it. */
function tileAt(level: number, place: number, size: number): Tile {
  const index = Math.floor(place / TILE_WIDTH);
  const there = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
  return { level, index, width: Math.min(there, TILE_WIDTH) };
}

/**
 * The tiles, of hashes and of entries, that a tree of `size` leaves has and one of `oldSize` had not, or less wide: what a log
 * writes before it signs `size`, and what whoever saw `oldSize` has to fetch.
 */
export function newTiles(oldSize: number, size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; TILE_WIDTH ** level <= size; level += 1) {
    const had = Math.floor(oldSize / TILE_WIDTH ** level);
    const has = Math.floor(size / TILE_WIDTH ** level);
    for (let place = had - (had % TILE_WIDTH); place < has && had < has; place += TILE_WIDTH) tiles.push(tileAt(level, place, size));
  }
  const entries = tiles.filter(({ level }) => level === 0).map((tile) => ({ ...tile, level: 'entries' as const }));
  return [...tiles, ...entries];
}

/** The bytes of a tile of hashes. */
export async function tileBytes({ level, index, width }: Tile, read: HashReader): Promise<Uint8Array> {
  if (level === 'entries') return fail('malformed', 'a bundle of entries has no hashes');
  const hashes: Uint8Array[] = [];
  for (let i = 0; i < width; i += 1) hashes.push(await read(level * TILE_HEIGHT, index * TILE_WIDTH + i));
  return concatBytes(...hashes);
}

/**
 * Reads the hashes of a tree of `size` leaves out of its tiles; each tile is fetched once.
 * @param fetchTile the bytes at `tilePath(tile)`; where one that is not full is gone, it may give the full one
 * @throws `malformed` for a tile of another width; for a full one in place of a narrower one only what is needed is read
 */
export function tileReader(size: number, fetchTile: (tile: Tile) => Promise<Uint8Array>): HashReader {
  const fetched = new Map<string, Promise<Uint8Array>>();
  const bytesOf = async (tile: Tile): Promise<Uint8Array> => {
    const path = tilePath(tile);
    const known = fetched.get(path) ?? fetchTile(tile);
    fetched.set(path, known);
    const bytes = await known;
    const fits = bytes.length === tile.width * HASH_BYTES || bytes.length === TILE_WIDTH * HASH_BYTES;
    return fits ? bytes : fail('malformed', 'a tile has another width than its path says', { path, got: bytes.length });
  };
  return async (level, index) => {
    const inTile = level % TILE_HEIGHT;
    const first = index * 2 ** inTile;
    const tile = tileAt((level - inTile) / TILE_HEIGHT, first, size);
    const bytes = await bytesOf(tile);
    const at = (first % TILE_WIDTH) * HASH_BYTES;
    return subtree(bytes.subarray(at, at + 2 ** inTile * HASH_BYTES));
  };
}

/** The root over hashes side by side, whose number is a power of two. */
function subtree(hashes: Uint8Array): Uint8Array {
  if (hashes.length === HASH_BYTES) return hashes.slice();
  const middle = hashes.length / 2;
  return nodeHash(subtree(hashes.subarray(0, middle)), subtree(hashes.subarray(middle)));
}

/** The bytes of an entry bundle. @throws `too-large` */
export function encodeEntries(leaves: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...leaves.flatMap((leaf) => {
      if (leaf.length > LEAF_BYTES_MAX) fail('too-large', `a leaf has at most ${LEAF_BYTES_MAX} bytes`, { got: leaf.length });
      return [Uint8Array.of(leaf.length >> 8, leaf.length & 0xff), leaf];
    }),
  );
}

/** The bytes of a tile that is not full, out of the full one that took its place. */
export function narrowed({ level, width }: Tile, full: Uint8Array): Uint8Array {
  return level === 'entries' ? encodeEntries(parseEntries(full, TILE_WIDTH).slice(0, width)) : full.subarray(0, width * HASH_BYTES);
}

/** @throws `malformed` unless `bytes` are exactly `width` leaves */
export function parseEntries(bytes: Uint8Array, width: number): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
    const end = at + 2 + length;
    if (end > bytes.length) fail('malformed', 'a bundle of entries ends early', { at });
    leaves.push(bytes.slice(at + 2, end));
    at = end;
  }
  return leaves.length === width
    ? leaves
    : fail('malformed', 'a bundle of entries has another width than its path says', { got: leaves.length, expected: width });
}
