/** The age format, held against the `age` command, the published vectors, and every way to rearrange a stream of chunks. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { bech32 } from '@scure/base';
import * as vectors from 'cctv-age';
import { afterAll, describe, expect, it } from 'vitest';
import { openWith, sealTo } from '../../src/backup/age.ts';
import { identityOf, recipientOf } from '../../src/backup/key.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { all, inPieces } from './streams.ts';

const CHUNK = 65_536;
const SEALED = CHUNK + 16;
const key = new Secret(systemRandom(32));
const recipient = await recipientOf(key);
const root = mkdtempSync(join(tmpdir(), 'holdfast-payload-'));
const identityFile = join(root, 'key.txt');
writeFileSync(identityFile, identityOf(key).reveal());
afterAll(() => rmSync(root, { recursive: true, force: true }));

const seal = (plain: Uint8Array, size = 100_000) => all(sealTo(recipient, inPieces(plain, size)));
const open = (sealed: Uint8Array, size = 100_000) => all(openWith(key, inPieces(sealed, size)));

/** Lengths around the edges of chunks. */
const lengths = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7, 5 * CHUNK + 12_345];

describe('a payload', () => {
  it.each(lengths)('of %i bytes goes to age and back, both ways', async (length) => {
    const plain = Buffer.from(systemRandom(Math.min(length, 60_000)));
    const whole = Buffer.alloc(length, plain.length === 0 ? 0 : plain);
    const theirs = spawnSync('age', ['-r', recipient], { input: whole, maxBuffer: 1 << 24 }).stdout;
    expect((await open(theirs)).equals(whole)).toBe(true);
    const ours = await seal(whole);
    expect(ours.length).toBe(theirs.length);
    const opened = spawnSync('age', ['-d', '-i', identityFile], { input: ours, maxBuffer: 1 << 24 });
    expect(opened.stderr.toString()).toBe('');
    expect(opened.stdout.equals(whole)).toBe(true);
  });

  it.each([1, 7, 511, CHUNK, SEALED, 1 << 20])('comes out the same however it is cut: pieces of %i', async (size) => {
    const length = size < 8 ? 3_000 : 4 * CHUNK + 3;
    const plain = Buffer.alloc(length, 'abcdefg');
    expect((await open(await seal(plain, size), size)).equals(plain)).toBe(true);
  });

  it('never seals two files under one file key or nonce', async () => {
    const plain = Buffer.alloc(10);
    expect((await seal(plain)).subarray(-26)).not.toEqual((await seal(plain)).subarray(-26));
  });
});

describe('a payload that was tampered with is refused', async () => {
  const sealed = await seal(Buffer.alloc(3 * CHUNK + 100, 'x'));
  const body = sealed.length - (3 * SEALED + 116);
  const head = sealed.subarray(0, body);
  const chunk = (i: number) => sealed.subarray(body + i * SEALED, body + (i + 1) * SEALED);
  const full = await seal(Buffer.alloc(2 * CHUNK, 'x'));
  const flipped = (at: number) => Buffer.from(sealed.map((byte, i) => (i === at ? byte ^ 1 : byte)));

  it.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['no age file', Buffer.alloc(70_000, 'a')],
    ['cut in the header', sealed.subarray(0, 50)],
    ['cut in the nonce', sealed.subarray(0, body - 3)],
    ['cut before the first chunk', head],
    ['cut in a chunk', sealed.subarray(0, body + SEALED + 9)],
    ['cut between chunks', sealed.subarray(0, body + 2 * SEALED)],
    ['cut in the last tag', sealed.subarray(0, -1)],
    ['less than a tag at the end', sealed.subarray(0, body + SEALED + 5)],
    ['chunks exchanged', Buffer.concat([head, chunk(1), chunk(0), chunk(2), chunk(3)])],
    ['a chunk left out', Buffer.concat([head, chunk(0), chunk(2), chunk(3)])],
    ['a chunk twice', Buffer.concat([head, chunk(0), chunk(0), chunk(1), chunk(2), chunk(3)])],
    ['the last chunk first', Buffer.concat([head, chunk(3)])],
    ['a byte after the end', Buffer.concat([sealed, Buffer.alloc(1)])],
    ['a second payload after the end', Buffer.concat([sealed, chunk(0), chunk(3)])],
    ['a full last chunk cut off', full.subarray(0, -SEALED)],
    ['a byte after a full last chunk', Buffer.concat([full, Buffer.alloc(1)])],
    ['a changed recipient', flipped(40)],
    ['a changed nonce', flipped(body - 1)],
    ['a changed first chunk', flipped(body)],
    ['a changed last tag', flipped(sealed.length - 1)],
  ])('%s', async (_, bytes) => {
    await expect(open(bytes)).rejects.toMatchObject({ code: 'malformed' });
  });

  it('and so is a file for another key', async () => {
    await expect(all(openWith(new Secret(systemRandom(32)), inPieces(sealed, 1000)))).rejects.toMatchObject({ code: 'malformed' });
  });
});

/** C2SP CCTV "age": what every implementation must open and refuse. Those for one X25519 identity and not armored are for us. */
describe('the published vectors', () => {
  const ours = Object.entries(vectors).flatMap(([name, bytes]) => {
    const text = Buffer.from(bytes);
    const end = text.indexOf('\n\n');
    const fields = text
      .toString('utf8', 0, end)
      .split('\n')
      .map((line) => line.split(': ') as [string, string]);
    const of = (field: string) => fields.filter(([key]) => key === field).map(([, value]) => value);
    const [identity] = of('identity');
    const foreign = of('armored').length > 0 || of('passphrase').length > 0 || of('identity').length !== 1;
    if (foreign || !identity?.startsWith('AGE-SECRET-KEY-1')) return [];
    const raw = text.subarray(end + 2);
    const file = of('compressed')[0] === 'zlib' ? inflateSync(raw) : raw;
    return [{ name, expected: of('expect')[0], payload: of('payload')[0], identity, file }];
  });

  it('are there', () => {
    expect(ours.filter(({ expected }) => expected === 'success').length).toBeGreaterThan(5);
    expect(ours.filter(({ expected }) => expected === 'payload failure').length).toBeGreaterThan(10);
  });

  it.each(ours)('$name: $expected', async ({ expected, payload, identity, file }) => {
    const opening = all(openWith(new Secret(bech32.decodeToBytes(identity).bytes), inPieces(file, 10_000)));
    if (expected === 'success')
      expect(
        createHash('sha256')
          .update(await opening)
          .digest('hex'),
      ).toBe(payload);
    else await expect(opening).rejects.toMatchObject({ code: 'malformed' });
  });
});
