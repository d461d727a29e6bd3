/**
 * Our notes, proofs and tiles against an implementation that nobody here wrote: Go's sumdb/note and sumdb/tlog. Go opens and
 * checks what we made, we open and check what Go made, and both make the same tiles and proofs of the same tree.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fromBase64, toBase64 } from '../../src/base/base64.ts';
import { utf8 } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { checkpointText, parseCheckpoint } from '../../src/log/checkpoint.ts';
import { cosign, cosignatureTime } from '../../src/log/cosignature.ts';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  MemoryTree,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../src/log/merkle.ts';
import { formatNote, isSignedBy, parseNote, signNote } from '../../src/log/note.ts';
import { newTiles, tileBytes, tilePath, tileReader } from '../../src/log/tile.ts';
import { parseVkey } from '../../src/log/vkey.ts';
import { cosignatureKey, noteKey } from './keys.ts';

/** Two full tiles of leaves, one that is not, and two levels above them; so many that trees end at, before and after a tile. */
const SIZE = 600;
const log = noteKey('log.example/holdfast');
const witness = cosignatureKey('witness.example/w1');
const TIME = 1_700_000_000;

const bytes = z.string().transform(fromBase64);
const record = z.object({ Index: z.int(), Size: z.int(), Root: bytes, Proof: z.array(bytes) });
const tree = z.object({ Old: z.int(), Size: z.int(), OldRoot: bytes, Root: bytes, Proof: z.array(bytes) });
const answerOfGo = z.object({
  Text: z.string(),
  Signers: z.array(z.string()),
  Opens: z.array(z.boolean()),
  Root: bytes,
  TileRoot: bytes,
  RecordsHold: z.array(z.boolean()),
  TreesHold: z.array(z.boolean()),
  Tiles: z.record(z.string(), bytes),
  Vkey: z.string(),
  Note: z.string(),
  Records: z.array(record),
  Trees: z.array(tree),
});

const leaves = Array.from({ length: SIZE }, (_, i) => utf8(`leaf number ${i}`));
const memory = new MemoryTree();
for (const leaf of leaves) memory.append(leafHash(leaf));

const SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, SIZE];
const roots = new Map<number, Uint8Array>();
const rootOf = (size: number): Uint8Array => roots.get(size) ?? expect.fail(`no root of ${size}`);

/** Notes that are not quite ours: what Go refuses we must not open. */
function alterations(note: string): string[] {
  const places = Array.from({ length: 40 }, (_, i) => Math.floor((i * note.length) / 40));
  const letters = places.map((at) => `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`);
  const [text = '', signatures = ''] = note.split('\n\n');
  return [
    ...letters,
    `${text}\n\n`,
    `${text}\n${signatures}`,
    `${text}\n\n${signatures}${signatures}`,
    `${text}\n\n${signatures.replaceAll('\n', '\r\n')}`,
    `${text}\n\n${signatures.replaceAll('—', '-')}`,
    `${text}\n\n${signatures.trimEnd()}`,
    `${text}\n\n\n${signatures}`,
    `\n\n${note}`,
    `${note}\n`,
    note.replace('=\n', '\n'),
  ];
}

let folder = '';
let note = '';
let candidates: string[] = [];
let go: z.output<typeof answerOfGo>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-go-'));
  const program = join(folder, 'interop');
  // Debian's packages are a GOPATH; nothing is fetched.
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(folder, 'cache'), GOFLAGS: '' };
  execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'interop/main.go')], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });

  for (const size of SIZES) roots.set(size, await treeRoot(size, memory.read));
  const text = checkpointText({ origin: log.vkey.name, size: SIZE, root: rootOf(SIZE) });
  const signatures = [await signNote(text, log.vkey, log.sign), await cosign(text, witness.vkey, TIME, witness.sign)];
  note = formatNote({
    text,
    signatures: [...signatures, { name: 'node-1.of-a-fleet', keyId: '01020304', signature: Uint8Array.of(5, 6) }],
  });
  candidates = [note, ...alterations(note)];

  const records: object[] = [];
  const trees: object[] = [];
  for (const size of SIZES) {
    for (const index of [...SIZES.map((one) => one - 1), 0].filter((one) => one < size)) {
      const proof = await inclusionProof(index, size, memory.read);
      records.push({ index, size, root: toBase64(rootOf(size)), proof: proof.map(toBase64) });
    }
    for (const old of SIZES.filter((one) => one <= size)) {
      const proof = await consistencyProof(old, size, memory.read);
      trees.push({ old, size, oldRoot: toBase64(rootOf(old)), root: toBase64(rootOf(size)), proof: proof.map(toBase64) });
    }
  }
  const tiles: Record<string, string> = {};
  for (const tile of newTiles(0, SIZE)) if (tile.level !== 'entries') tiles[tilePath(tile)] = toBase64(await tileBytes(tile, memory.read));
  const input = JSON.stringify({
    vkeys: [log.vkey.text],
    cosigner: { name: witness.vkey.name, keyId: Number.parseInt(witness.vkey.keyId, 16), key: toBase64(witness.vkey.key) },
    note,
    candidates,
    leaves: leaves.map(toBase64),
    root: toBase64(rootOf(SIZE)),
    records,
    trees,
    tiles,
    text,
  });
  go = answerOfGo.parse(JSON.parse(execFileSync(program, { input, encoding: 'utf8', maxBuffer: 2 ** 26 })));
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('notes', () => {
  test('Go opens ours, and finds the log and the cosigner', () => {
    expect(go.Text).toBe(parseNote(note).text);
    expect(go.Signers.sort()).toEqual([log.vkey.name, witness.vkey.name].sort());
  });

  test('we open those of Go, under the vkey that it made', () => {
    const vkey = parseVkey(go.Vkey);
    const read = parseNote(go.Note);
    expect(isSignedBy(read, vkey)).toBe(true);
    expect(formatNote(read)).toBe(go.Note);
    expect(parseCheckpoint(read.text).size).toBe(SIZE);
  });

  test('what Go refuses we refuse', () => {
    const ours = candidates.map((candidate) => {
      try {
        const read = parseNote(candidate);
        // Both are asked: one that is wrong refuses the note, whatever the other says.
        return [isSignedBy(read, log.vkey), cosignatureTime(read, witness.vkey) !== undefined].includes(true);
      } catch (error) {
        expect(error).toBeInstanceOf(HoldfastError);
        return false;
      }
    });
    expect(ours[0]).toBe(true);
    expect(go.Opens[0]).toBe(true);
    expect(candidates.filter((_, i) => ours[i] && !go.Opens[i])).toEqual([]);
    expect(go.Opens.filter((opens) => !opens).length).toBeGreaterThan(20);
  });
});

describe('trees', () => {
  test('Go has the same root, from the leaves and through our tiles', () => {
    expect(go.Root).toEqual(rootOf(SIZE));
    expect(go.TileRoot).toEqual(rootOf(SIZE));
  });

  test('Go makes the same tiles, and we read its', async () => {
    const ours: Record<string, Uint8Array> = {};
    for (const tile of newTiles(0, SIZE)) if (tile.level !== 'entries') ours[tilePath(tile)] = await tileBytes(tile, memory.read);
    // Go lists those of all trees on the way, too.
    expect(go.Tiles).toMatchObject(ours);
    const read = tileReader(SIZE, async (tile) => go.Tiles[tilePath(tile)] ?? expect.fail(tilePath(tile)));
    expect(await treeRoot(SIZE, read)).toEqual(rootOf(SIZE));
  });

  test('Go accepts every inclusion proof of ours, and makes the same', async () => {
    expect(go.RecordsHold.length).toBeGreaterThan(70);
    expect(go.RecordsHold).not.toContain(false);
    for (const { Index: index, Size: size, Proof: proof } of go.Records) {
      expect(verifyInclusion({ leaf: leafHash(leaves[index]!), index, size, root: rootOf(size), proof })).toBe(true);
      expect(proof).toEqual(await inclusionProof(index, size, memory.read));
    }
  });

  test('Go accepts every consistency proof of ours, and makes the same', async () => {
    expect(go.TreesHold.length).toBeGreaterThan(70);
    expect(go.TreesHold).not.toContain(false);
    for (const { Old: oldSize, Size: size, Proof: proof } of go.Trees) {
      expect(verifyConsistency({ oldSize, oldRoot: rootOf(oldSize), size, root: rootOf(size), proof })).toBe(true);
      expect(proof).toEqual(await consistencyProof(oldSize, size, memory.read));
    }
  });
});
