/** Signed entries and bundles: their golden files, the bounds of a leaf, and that no text makes the checks themselves fall over. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { LEAF_BYTES_MAX } from '../../src/log/tile.ts';
import { fastVerify } from '../../src/node/verify.ts';
import { makeBundle } from '../../src/trust/bundle.ts';
import { checkNames } from '../../src/trust/check.ts';
import { isSignedByNode, makeSignedEntry, parseSignedEntry } from '../../src/trust/signed-entry.ts';
import { verifyBundle } from '../../src/trust/verify.ts';
import { goodFleet, World } from './world.ts';

const verify = fastVerify();

/** The text of a golden file, or what there should be written into it. */
function golden(name: string, text: string): string {
  const file = join(import.meta.dirname, 'golden', name);
  if (process.env['HOLDFAST_GOLDEN'] === 'write') writeFileSync(file, text);
  return readFileSync(file, 'utf8');
}

const world = new World();
beforeAll(async () => {
  await world.publish();
  world.rotate({ expires: '2029-01-01T00:00:00Z' });
});

describe('golden files', () => {
  test('a signed entry', () => {
    const { text, entry } = world.leaves[0]!;
    expect(golden('entry.note', text)).toBe(text);
    expect(parseSignedEntry(golden('entry.note', text)).entry).toEqual(entry);
  });

  test('a bundle, which is trusted', async () => {
    const { line } = await world.bundle();
    expect(golden('bundle.golden.json', `${line}\n`)).toBe(`${line}\n`);
    expect(verifyBundle(golden('bundle.golden.json', `${line}\n`), world.options()).trusted).toBe(true);
  });
});

describe('a signed entry', () => {
  const key = (name: string, point: Uint8Array) =>
    createHash('sha256')
      .update(`${name}\n`)
      .update(Uint8Array.of(0xff))
      .update('holdfast/v1/node/fleet-entry')
      .update(point)
      .digest('hex')
      .slice(0, 8);

  test('names nodes by the ids that the documents say', () => {
    const { note, entry } = world.leaves[0]!;
    const [fleet] = entry.fleets;
    const expected = fleet!.nodes.map((node) => ({ name: `${node.name}.${fleet!.fleet.id}`, node }));
    expect(note.signatures.slice(2).map(({ name, keyId }) => `${name} ${keyId}`)).toEqual(
      expected.map(({ name, node }) => `${name} ${key(name, node.identityKey)}`),
    );
  });

  test('with a signature of a node that is cut short is refused', () => {
    const { note, entry } = world.leaves[0]!;
    const [fleet] = entry.fleets;
    const signatures = note.signatures.map((line) =>
      line.name.startsWith('node-1.') ? { ...line, signature: line.signature.subarray(0, 63) } : line,
    );
    const cut = makeSignedEntry(entry, signatures);
    expect(isSignedByNode(cut, fleet!, fleet!.nodes[1]!, verify)).toBe(true);
    expect(() => isSignedByNode(cut, fleet!, fleet!.nodes[0]!, verify)).toThrow(expect.objectContaining({ code: 'not-signed' }));
  });

  test('is one line: neither two nor text behind it', () => {
    const { text } = world.leaves[0]!;
    const [line, rest] = text.split('\n\n') as [string, string];
    for (const bent of [`${line}\n${line}\n\n${rest}`, `${line}\n\n\n${rest}`, `\n${text}`])
      expect(() => parseSignedEntry(bent)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('of seven fleets of seven nodes, each with an attestation and evidence, fits into a leaf', async () => {
    const digest = 'ab'.repeat(32) as ReturnType<typeof goodFleet>['id'];
    const file = (about: string) => ({ about, digest, url: `https://evidence.example.org/vault/2026-06-15/${about}` });
    const fleets = Array.from({ length: 7 }, (_, i) => {
      const fleet = goodFleet(7, 1 + 14 * i);
      const attestation = {
        format: 'example-attestation-v1',
        digest,
        url: 'https://evidence.example.org/vault/2026-06-15/node.attestation',
      };
      return {
        ...fleet,
        evidence: ['transcript', 'report', 'photographs'].map(file),
        nodes: fleet.nodes.map((node) => ({ ...node, attestation })),
      };
    });
    const signed = await world.sign(world.entry({ fleets }), { release: world.release });
    expect(signed.entry.fleets[6]!.nodes[6]!.attestation).toMatchObject({ digest });
    expect(signed.leaf.length).toBeLessThan(LEAF_BYTES_MAX);
  });

  test('that is larger than a leaf is refused', () => {
    const { text } = world.leaves[0]!;
    expect(() => parseSignedEntry(`${text}${`— a ${'A'.repeat(1000)}\n`.repeat(64)}`)).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
  });
});

describe('whatever text comes', () => {
  const judge = (text: string) => verifyBundle(text, world.options({ verify }));
  const nested = '['.repeat(20_000) + ']'.repeat(20_000);

  test.each([
    ['nothing', ''],
    ['null', 'null'],
    ['deep nesting', nested],
    ['deep nesting in the roots', makeBundle({ entry: '', proof: '', roots: ['['.repeat(15_000) + ']'.repeat(15_000)] }).line],
    ['deep nesting in the entry', makeBundle({ entry: `${nested}\n\n— a AAAAAAE=\n`, proof: '', roots: [] }).line],
    ['half a surrogate pair', '{"type":"holdfast/bundle/v1","entry":"\\ud800","proof":"","roots":[]}'],
  ])('%s is refused with every check told', (_, text) => {
    const { checks, trusted } = judge(text);
    expect(trusted).toBe(false);
    expect(checks.map(({ name }) => name)).toEqual(checkNames);
    expect(checks.filter(({ result }) => result === 'failed').length).toBeGreaterThan(0);
  });

  test('any text, and any parts of a bundle, are refused and not fallen over', () => {
    const parts = fc.record({
      entry: fc.string({ unit: 'binary' }),
      proof: fc.string({ unit: 'binary' }),
      roots: fc.array(fc.string(), { maxLength: 2 }),
    });
    const refused = (text: string): void => {
      expect(judge(text).trusted).toBe(false);
    };
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), refused));
    fc.assert(fc.property(parts, (some) => refused(makeBundle(some).line)));
  });
});

test('a digest is of the bytes as they are', async () => {
  const { line, digest } = await world.bundle();
  expect(digest).toBe(createHash('sha256').update(utf8(line)).digest('hex'));
});
