/**
 * Reading a log (c2sp.org/tlog-tiles) from wherever it lies: a web server, a mirror, a folder. Nothing that comes back is believed
 * before a signed root says so.
 */

import { fromUtf8 } from '../base/bytes.ts';
import { openCheckpoint, type SignedCheckpoint } from '../log/checkpoint.ts';
import { parseEntries, TILE_WIDTH, tilePath } from '../log/tile.ts';
import type { Vkey } from '../log/vkey.ts';

export interface LogSource {
  /** An address, or a folder: for saying which. */
  readonly name: string;
  /** The bytes at a path below the log's root: `checkpoint`, `tile/...`; nothing where there is nothing. @throws when it cannot be read */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** Not there, or not to be read: the audit cannot tell. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

export async function readOptional(source: LogSource, path: string): Promise<Uint8Array | undefined> {
  try {
    return await source.read(path);
  } catch (error) {
    throw new Unreadable(`${source.name}: ${path} cannot be read: ${error instanceof Error ? error.message : 'unknown'}`, { cause: error });
  }
}

export async function readWhole(source: LogSource, path: string): Promise<Uint8Array> {
  const bytes = await readOptional(source, path);
  if (bytes === undefined) throw new Unreadable(`${source.name}: there is no ${path}`);
  return bytes;
}

/** @throws `not-signed`, `malformed`; `Unreadable` */
export async function readCheckpoint(source: LogSource, log: Vkey): Promise<SignedCheckpoint> {
  return openCheckpoint(fromUtf8(await readWhole(source, 'checkpoint')), log);
}

/** All leaves of a tree of this size, in order. @throws `malformed`; `Unreadable` */
export async function* readLeaves(source: LogSource, size: number): AsyncGenerator<Uint8Array> {
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first);
    const path = tilePath({ level: 'entries', index: first / TILE_WIDTH, width });
    yield* parseEntries(await readWhole(source, path), width);
  }
}
