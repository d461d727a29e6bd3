/** What a log publishes of tiles: those that are not full go once the full one is there, and are still served. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { Files } from '../../src/files/files.ts';
import { leafHash, MemoryTree } from '../../src/log/merkle.ts';
import { type Tile, tilePath } from '../../src/log/tile.ts';
import { PUBLIC, publishTiles, readTile, removeNarrower } from '../../src/witness/log/publish.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tiles-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('nothing is lost by it: every width that was published reads as it did', async () => {
  const files = new Files(folder);
  const tree = new MemoryTree();
  const leaves: Uint8Array[] = [];
  const grow = async (size: number): Promise<void> => {
    const before = leaves.length;
    while (leaves.length < size) {
      const leaf = utf8(`leaf ${leaves.length}`);
      leaves.push(leaf);
      tree.append(leafHash(leaf));
    }
    await publishTiles(files, before, tree, leaves);
  };
  const narrow: Tile[] = [1, 100, 255].flatMap((width) => [
    { level: 0, index: 0, width },
    { level: 'entries', index: 0, width },
  ]);
  const read = () => Promise.all(narrow.map(async (tile) => Buffer.from((await readTile(files, tile)) ?? []).toString('hex')));
  const isThere = ({ level, index }: Tile) => existsSync(join(folder, PUBLIC, `${tilePath({ level, index, width: 256 })}.p`));
  for (const size of [1, 100, 255]) await grow(size);
  const before = await read();
  expect(before.every((bytes) => bytes.length > 0)).toBe(true);
  await removeNarrower(files, 0, 255);
  expect(narrow.every(isThere)).toBe(true);
  await grow(257);
  await removeNarrower(files, 255, 257);
  expect(narrow.some(isThere)).toBe(false);
  expect(await read()).toEqual(before);
  // The last one is not full, and stays.
  expect(await readTile(files, { level: 'entries', index: 1, width: 1 })).toBeDefined();
  expect(await readTile(files, { level: 'entries', index: 1, width: 2 })).toBeUndefined();
  await removeNarrower(files, 0, 257);
  expect(existsSync(join(folder, PUBLIC, tilePath({ level: 0, index: 1, width: 1 })))).toBe(true);
});
