/** A restore uses the memory of a dozen blocks again and again (src/backup/chunks.ts): what one file holds must never show in another. */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { archive } from '../../src/backup/archive.ts';
import { recipientOf } from '../../src/backup/key.ts';
import { restore } from '../../src/backup/restore.ts';
import { readEntries, spellEntries } from '../../src/backup/tar.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { all, inPieces } from './streams.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-round-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (...path: string[]): string => join(root, ...path);

const MIB = 2 ** 20;
/** Around the edges of tar's blocks, of age's chunks and of what is sealed in one piece, and any others. */
const sizes = [
  ...[0, 1, 511, 512, 513, 65_535, 65_536, 65_537, MIB - 1536, MIB - 1024, MIB - 512, MIB, MIB + 1, 5 * MIB + 7],
  ...Array.from({ length: 60 }, () => randomInt(4 * MIB) >>> randomInt(20)),
];

const digests = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  );

it('gives back every byte of every file, whatever their sizes and however long their names', async () => {
  mkdirSync(at('folder'));
  // Names that a header has no room for are in one of their own, which the package gathers over several chunks.
  for (const [i, size] of sizes.entries()) writeFileSync(at('folder', `${i}-${'x'.repeat(i % 3 === 0 ? 240 : 5)}`), randomBytes(size));
  const key = new Secret(systemRandom(32));
  await archive(at('folder'), await recipientOf(key), at('store'), () => undefined);
  await restore(at('store'), key, at('back'), () => undefined);
  expect(digests(at('back'))).toEqual(digests(at('folder')));
});

it('holds on to no chunk that it called spent', async () => {
  const head = { kind: 'file', mode: 0o600, mtimeNs: 0n, uid: 0, gid: 0 } as const;
  async function* entries() {
    for (const name of ['a', 'b', 'c']) {
      const content = Buffer.from(name.repeat(100_000));
      yield { ...head, path: `./${name.repeat(150)}`, size: content.length, content: inPieces(content, content.length) };
    }
  }
  const tar = await all(spellEntries(entries()));
  for (const size of [100, 700, 5000, 70_000]) {
    const read: string[] = [];
    // What was spent is written over at once, as the next block would.
    for await (const { entry, content } of readEntries(inPieces(Uint8Array.from(tar), size), (chunk) => chunk.fill(0x21))) {
      let text = '';
      for await (const chunk of content) text += Buffer.from(chunk).toString('latin1');
      read.push(`${entry.path} ${text}`);
    }
    expect(read).toEqual(['a', 'b', 'c'].map((name) => `./${name.repeat(150)} ${name.repeat(100_000)}`));
  }
});
