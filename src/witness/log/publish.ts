/** What a log publishes, as files that any web server can serve too: tiles first, and the checkpoint that needs them last. */

import type { Files } from '../../files/files.ts';
import type { MemoryTree } from '../../log/merkle.ts';
import { encodeEntries, narrowed, newTiles, TILE_WIDTH, type Tile, tileBytes, tilePath } from '../../log/tile.ts';

export const PUBLIC = 'log/public';
export const CHECKPOINT = `${PUBLIC}/checkpoint`;

/** Writes the tiles that the tree has and the one of `oldSize` leaves had not. @param leaves all of the tree's */
export async function publishTiles(files: Files, oldSize: number, tree: MemoryTree, leaves: readonly Uint8Array[]): Promise<void> {
  for (const tile of newTiles(oldSize, tree.size)) {
    const bytes = tile.level === 'entries' ? bundleOf(tile, leaves) : await tileBytes(tile, tree.read);
    await files.write(`${PUBLIC}/${tilePath(tile)}`, bytes);
  }
}

/**
 * Tiles that were not full, once the full one is published: they say nothing that it does not (tlog-tiles lets a log delete them), and a
 * log of large entries would keep each entry up to 255 times. After the checkpoint only: until then a start reads the narrower ones.
 */
export async function removeNarrower(files: Files, oldSize: number, size: number): Promise<void> {
  for (const tile of newTiles(oldSize, size)) if (tile.width === TILE_WIDTH) await files.removeFolder(`${PUBLIC}/${tilePath(tile)}.p`);
}

/** As published: a tile that was removed for the full one comes out of that. */
export async function readTile(files: Files, tile: Tile): Promise<Uint8Array | undefined> {
  const kept = await files.read(`${PUBLIC}/${tilePath(tile)}`);
  if (kept !== undefined || tile.width === TILE_WIDTH) return kept;
  const full = await files.read(`${PUBLIC}/${tilePath({ ...tile, width: TILE_WIDTH })}`);
  return full && narrowed(tile, full);
}

function bundleOf({ index, width }: Tile, leaves: readonly Uint8Array[]): Uint8Array {
  return encodeEntries(leaves.slice(index * TILE_WIDTH, index * TILE_WIDTH + width));
}
