/** Checkpoints, cosignatures and proofs: golden texts, and that nothing of another log, key, time or tree counts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { checkpointText, openCheckpoint, parseCheckpoint } from '../../src/log/checkpoint.ts';
import { cosign, cosignatureMessage, cosignatureTime } from '../../src/log/cosignature.ts';
import { inclusionProof, leafHash, MemoryTree, treeRoot } from '../../src/log/merkle.ts';
import { formatNote, parseNote, signNote } from '../../src/log/note.ts';
import { formatProof, parseProof, verifyProof } from '../../src/log/proof.ts';
import { cosignatureKey, noteKey } from './keys.ts';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : `not coded: ${error}`;
  }
  return 'accepted';
};

const log = noteKey('log.example/holdfast');
const witness = cosignatureKey('witness.example/w1');
const operator = cosignatureKey('operator.example');
const leaves = Array.from({ length: 11 }, (_, i) => utf8(`leaf ${i}`));
const tree = new MemoryTree();
for (const leaf of leaves) tree.append(leafHash(leaf));
const TIME = 1_700_000_000;

const text = async (): Promise<string> =>
  checkpointText({ origin: log.vkey.name, size: tree.size, root: await treeRoot(tree.size, tree.read) });

async function signed(): Promise<string> {
  const body = await text();
  const signatures = [
    await signNote(body, log.vkey, log.sign),
    await cosign(body, witness.vkey, TIME, witness.sign),
    await cosign(body, operator.vkey, TIME + 60, operator.sign),
  ];
  return formatNote({ text: body, signatures });
}

const proof = async () => ({ index: 4, hashes: await inclusionProof(4, tree.size, tree.read), checkpoint: await signed() });

test('a proof is the golden file, to the byte', async () => {
  const file = join(import.meta.dirname, 'golden/leaf.tlog-proof');
  if (process.env['HOLDFAST_GOLDEN'] === 'write') writeFileSync(file, formatProof(await proof()));
  const golden = readFileSync(file, 'utf8');
  expect(formatProof(await proof())).toBe(golden);
  const read = parseProof(golden);
  expect(formatProof(read)).toBe(golden);
  expect(verifyProof(read, leaves[4]!, log.vkey)).toMatchObject({ origin: log.vkey.name, size: 11, extensions: [] });
});

describe('checkpoints', () => {
  test("the specification's is read, and written back the same", () => {
    const body = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    expect(parseCheckpoint(body)).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163 });
    expect(checkpointText(parseCheckpoint(body))).toBe(body);
    expect(checkpointText(parseCheckpoint(`${body}extension\n`))).toBe(`${body}extension\n`);
  });

  const root = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=';
  test.each([
    ['a leading zero', `o\n01\n${root}\n`],
    ['a sign', `o\n+1\n${root}\n`],
    ['a size past 2^53', `o\n9007199254740993\n${root}\n`],
    ['a short root', 'o\n1\nCsUYag==\n'],
    ['a root in another spelling', `o\n1\n${root.replace('I=', 'J=')}\n`],
    ['no origin', `\n1\n${root}\n`],
    ['no root', 'o\n1\n'],
    ['an empty line', `o\n1\n${root}\n\n`],
    ['no last line feed', `o\n1\n${root}`],
  ])('with %s are refused', (_, body) => {
    expect(code(() => parseCheckpoint(body))).toBe('malformed');
  });

  test('of another log, or without the log’s signature, are refused', async () => {
    const body = await text();
    expect(code(() => openCheckpoint(formatNoteOf(body, 'other'), log.vkey))).toBe('not-signed');
    const imposter = noteKey(log.vkey.name, 'imposter');
    const forged = formatNote({ text: body, signatures: [await signNote(body, imposter.vkey, imposter.sign)] });
    expect(code(() => openCheckpoint(forged, log.vkey))).toBe('not-signed');
    const elsewhere = noteKey('log.example/elsewhere');
    const moved = checkpointText({ ...parseCheckpoint(body), origin: elsewhere.vkey.name });
    const crossed = formatNote({ text: moved, signatures: [await signNote(moved, log.vkey, log.sign)] });
    expect(code(() => openCheckpoint(crossed, log.vkey))).toBe('not-signed');
    expect(code(() => openCheckpoint(crossed, elsewhere.vkey))).toBe('not-signed');
  });

  const formatNoteOf = (body: string, name: string): string =>
    formatNote({ text: body, signatures: [{ name, keyId: '00000000', signature: Uint8Array.of(1) }] });
});

describe('cosignatures', () => {
  test("sign what the specification's example says", () => {
    const body = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    expect(new TextDecoder().decode(cosignatureMessage(body, 1679315147))).toBe(`cosignature/v1\ntime 1679315147\n${body}`);
  });

  test('tell when; the latest counts; who did not sign did not', async () => {
    const note = parseNote(await signed());
    expect(cosignatureTime(note, witness.vkey)).toBe(TIME);
    expect(cosignatureTime(note, operator.vkey)).toBe(TIME + 60);
    expect(cosignatureTime(note, cosignatureKey('third.example').vkey)).toBeUndefined();
    const earlier = await cosign(note.text, operator.vkey, TIME - 60, operator.sign);
    expect(cosignatureTime({ ...note, signatures: [...note.signatures, earlier] }, operator.vkey)).toBe(TIME + 60);
  });

  test('are not moved to another time, checkpoint or name', async () => {
    const note = parseNote(await signed());
    const line = await cosign(note.text, witness.vkey, TIME, witness.sign);
    const later = { ...line, signature: line.signature.map((byte, i) => (i === 7 ? byte + 1 : byte)) };
    expect(code(() => cosignatureTime({ text: note.text, signatures: [later] }, witness.vkey))).toBe('not-signed');
    const far = { ...line, signature: line.signature.map((byte, i) => (i === 0 ? 0xff : byte)) };
    expect(code(() => cosignatureTime({ text: note.text, signatures: [far] }, witness.vkey))).toBe('not-signed');
    expect(code(() => cosignatureTime({ text: `${note.text}x\n`, signatures: [line] }, witness.vkey))).toBe('not-signed');
    // Truly signed, for a time that no Date can hold.
    const never = 8_640_000_000_001;
    await expect(cosign(note.text, witness.vkey, never, witness.sign)).rejects.toMatchObject({ code: 'not-signed' });
    const short = { ...line, signature: line.signature.subarray(0, 71) };
    expect(code(() => cosignatureTime({ text: note.text, signatures: [short] }, witness.vkey))).toBe('not-signed');
    await expect(cosign(note.text, witness.vkey, TIME, operator.sign)).rejects.toMatchObject({ code: 'not-signed' });
    expect(code(() => cosignatureTime(note, log.vkey))).toBe('malformed');
  });
});

describe('proofs', () => {
  test('carry extra data that is not believed', async () => {
    const withExtra = formatProof({ ...(await proof()), extra: utf8('name of the file') });
    expect(withExtra).toContain('\nextra bmFtZSBvZiB0aGUgZmlsZQ==\nindex 4\n');
    expect(formatProof(parseProof(withExtra))).toBe(withExtra);
  });

  test('hold for no other leaf, place or tree', async () => {
    const good = await proof();
    expect(code(() => verifyProof(good, leaves[3]!, log.vkey))).toBe('not-signed');
    expect(code(() => verifyProof({ ...good, index: 5 }, leaves[4]!, log.vkey))).toBe('not-signed');
    expect(code(() => verifyProof({ ...good, hashes: good.hashes.slice(1) }, leaves[4]!, log.vkey))).toBe('not-signed');
    expect(code(() => verifyProof(good, leaves[4]!, noteKey('another.example').vkey))).toBe('not-signed');
  });

  test.each([
    ['another version', (text: string) => text.replace('@v1', '@v2')],
    ['no index', (text: string) => text.replace('index 4\n', '')],
    ['an index with a leading zero', (text: string) => text.replace('index 4', 'index 04')],
    ['extra data behind the index', (text: string) => text.replace('index 4\n', 'index 4\nextra AAAA\n')],
    ['extra data in another spelling', (text: string) => text.replace('index 4\n', 'extra AB==\nindex 4\n')],
    ['a hash in another spelling', (text: string) => text.replace('=\n', 'A=\n')],
    ['too many hashes', (text: string) => text.replace('\n\n', `\n${`${'A'.repeat(43)}=\n`.repeat(63)}\n`)],
    ['no checkpoint', (text: string) => text.slice(0, text.indexOf('\n\n'))],
  ])('with %s are refused', async (_, bend) => {
    const text = formatProof(await proof());
    expect(bend(text)).not.toBe(text);
    expect(code(() => parseProof(bend(text)))).toBe('malformed');
  });

  test('that are too long are refused before they are read', () => {
    expect(code(() => parseProof('x'.repeat(2 ** 20)))).toBe('too-large');
  });
});
