import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { readEntries } from '../../src/backup/tar.ts';
import { all, inPieces } from './streams.ts';

const MIB = 2 ** 20;

/** Whoever writes to the storage makes these: the key to encrypt with is public. */
async function* endless(beginning: Uint8Array, pulled: { mib: number }): AsyncGenerator<Uint8Array> {
  yield beginning;
  // Far more than the machine has.
  for (; pulled.mib < 100_000; pulled.mib += 1) yield new Uint8Array(MIB).fill(0x61);
}

async function refusedAfter(beginning: Uint8Array): Promise<number> {
  const pulled = { mib: 0 };
  const read = async () => {
    // As a restore reads them.
    for await (const { entry, content } of readEntries(endless(beginning, pulled))) if (entry.kind === 'file') await all(content);
  };
  await expect(read()).rejects.toMatchObject({ code: 'malformed' });
  return pulled.mib;
}

async function oneFile(content: Uint8Array): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: './a', size: content.length }, Buffer.from(content));
  tar.finalize();
  return all(tar as AsyncIterable<Uint8Array>);
}

/** @param type x: extended, L: a long name (GNU), 2: a symbolic link, which should have no content */
async function headerOf(type: string, size: number): Promise<Buffer> {
  const block = (await oneFile(new Uint8Array())).subarray(0, 512);
  block.write(`${size.toString(8).padStart(11, '0')} `, 124, 'latin1');
  block.write(type, 156, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

describe('a tar stream without bound is refused while little of it is in memory', () => {
  it.each([
    ['an extended header', 'x'],
    ['an extended header for all', 'g'],
    ['a long name', 'L'],
    ['a link with content', '2'],
  ])('in %s', async (_, type) => {
    expect(await refusedAfter(await headerOf(type, 0o77777777777))).toBeLessThan(32);
  });

  it('behind its end', async () => {
    expect(await refusedAfter(await oneFile(new Uint8Array([1])))).toBeLessThan(32);
  });

  it('but a file may be as long as it likes', async () => {
    const content = new Uint8Array(64 * MIB).fill(7);
    let bytes = 0;
    for await (const entry of readEntries(inPieces(await oneFile(content), MIB))) {
      for await (const chunk of entry.content) bytes += chunk.length;
    }
    expect(bytes).toBe(content.length);
  });
});
