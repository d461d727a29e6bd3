/** What a log publishes, as files that any web server can serve too: tiles first, and the checkpoint that needs them last. */

import type { MemoryTree } from '../../log/merkle.ts';
import { encodeEntries, newTiles, TILE_WIDTH, type Tile, tileBytes, tilePath } from '../../log/tile.ts';
import type { Files } from '../files.ts';

export const PUBLIC = 'log/public';
export const CHECKPOINT = `${PUBLIC}/checkpoint`;

/** Writes the tiles that the tree has and the one of `oldSize` leaves had not. @param leaves all of the tree's */
export async function publishTiles(files: Files, oldSize: number, tree: MemoryTree, leaves: readonly Uint8Array[]): Promise<void> {
  for (const tile of newTiles(oldSize, tree.size)) {
    const bytes = tile.level === 'entries' ? bundleOf(tile, leaves) : await tileBytes(tile, tree.read);
    await files.write(`${PUBLIC}/${tilePath(tile)}`, bytes);
  }
}

function bundleOf({ index, width }: Tile, leaves: readonly Uint8Array[]): Uint8Array {
  return encodeEntries(leaves.slice(index * TILE_WIDTH, index * TILE_WIDTH + width));
}
