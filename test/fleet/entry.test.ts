/** The fleet entry's line: its golden file, and that nothing in it can be bent without being refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Id, NO_ID, toBase64url, toHex } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { activeFleet, fleetById, makeEntry, parseEntry } from '../../src/fleet/entry.ts';
import { hash } from '../../src/wire/signed.ts';
import { entryFleet, publicKey } from './entries.ts';

const goldenFile = join(import.meta.dirname, 'golden/entry.golden.json');

const first = {
  namespace: 'example.org/vault',
  sequence: 1,
  previous: NO_ID,
  validFrom: '2026-01-01T00:00:00Z',
  validUntil: '2027-01-01T00:00:00Z',
};

/** No point of P-256 has this x coordinate. */
const offCurve = toBase64url(Uint8Array.from([2, ...new Uint8Array(32).fill(7)]));

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : `not coded: ${error}`;
  }
  return 'accepted';
};

test('the line, its digest and its ids are those of the golden file', () => {
  const entry = makeEntry({ ...first, fleets: [entryFleet(first.namespace, 3)] });
  const golden = readFileSync(goldenFile, 'utf8');
  expect(`${entry.line}\n`).toBe(golden);
  const read = parseEntry(golden);
  expect(read).toEqual(entry);
  expect(read.digest).toBe('cefe22465863abe1b5d2bbfe1dbacb0dfe1c54b98cd91e07fc141ca5b1209b39');
  expect(toHex(read.fleets[0]!.nodes[0]!.identityKey)).toBe(toHex(publicKey(1)));
  expect(read.validUntil).toBe(Date.UTC(2027, 0, 1));
});

test('an attestation of a sealing key is kept with its node, as in its golden file', () => {
  const golden = readFileSync(join(import.meta.dirname, 'golden/attested.golden.json'), 'utf8');
  const attestation = { format: 'example-attestation-v1', digest: 'ab'.repeat(32) as Id, url: 'https://example.org/node-1.attestation' };
  const fleet = entryFleet(first.namespace, 3);
  const entry = makeEntry({
    ...first,
    fleets: [{ ...fleet, nodes: fleet.nodes.map((node, i) => (i === 0 ? { ...node, attestation } : node)) }],
  });
  expect(`${entry.line}\n`).toBe(golden);
  expect(parseEntry(golden).fleets[0]!.nodes.map((node) => node.attestation)).toEqual([attestation, undefined, undefined]);
});

describe('an entry is refused', () => {
  const good = () => JSON.parse(readFileSync(goldenFile, 'utf8'));

  test('the golden one is not', () => {
    expect(code(() => parseEntry(JSON.stringify(good())))).toBe('accepted');
  });

  const absent = (node: string) => ({ node, signed: 'cd'.repeat(32) });
  const lies: readonly (readonly [string, string, (value: ReturnType<typeof good>) => void])[] = [
    ['for another type', 'type: Invalid input', (v) => (v.type = 'holdfast/fleet-bundle/v2')],
    ['that lies about a node id', 'id of a node is not', (v) => (v.fleets[0].nodes[1].id = 'ab'.repeat(32))],
    ['that lies about the fleet id', 'id of a fleet is not', (v) => (v.fleets[0].id = 'ab'.repeat(32))],
    ['whose fleet belongs to another namespace', 'id of a fleet is not', (v) => (v.namespace = 'example.com/vault')],
    ['whose nodes stand in another order', 'id of a fleet is not', (v) => v.fleets[0].nodes.reverse()],
    ['with another quorum', 'threshold must equal', (v) => (v.fleets[0].quorum = 3)],
    ['with a threshold below the quorum', 'threshold must equal', (v) => (v.fleets[0].threshold = 1)],
    ['with a sealing key of another node', 'must be different', (v) => (v.fleets[0].nodes[0].sealingKey = v.fleets[0].nodes[1].sealingKey)],
    ['with a key off the curve', 'sealingKey: expected a point', (v) => (v.fleets[0].nodes[0].sealingKey = offCurve)],
    ['with a key in another spelling', 'sealingKey: Too big', (v) => (v.fleets[0].nodes[0].sealingKey += '=')],
    ['with two nodes of the same name', 'same name', (v) => (v.fleets[0].nodes[0].name = v.fleets[0].nodes[1].name)],
    ['with a fleet twice', 'must be different', (v) => v.fleets.push(v.fleets[0])],
    ['with an unknown member', 'Unrecognized key', (v) => (v.extra = 1)],
    ['with an unknown member of a node', 'Unrecognized key', (v) => (v.fleets[0].nodes[0].extra = 1)],
    ['without a validity', 'validUntil', (v) => delete v.validUntil],
    ['that ends before it begins', 'validUntil: expected a time after', (v) => (v.validUntil = '2025-01-01T00:00:00Z')],
    ['with a time in another zone', 'validUntil: Invalid', (v) => (v.validUntil = '2027-01-01T00:00:00+01:00')],
    ['with a first entry that has a previous one', 'previous: expected zeros', (v) => (v.previous = 'ab'.repeat(32))],
    ['with a later entry that has none', 'previous: expected zeros', (v) => (v.sequence = 2)],
    ['with a node reached without TLS', 'url: Invalid', (v) => (v.fleets[0].nodes[0].url = 'http://one.example.org')],
    [
      'with an attestation of no file',
      'attestation.digest',
      (v) => (v.fleets[0].nodes[0].attestation = { format: 'x', url: 'https://a.example' }),
    ],
    ['that states a stranger as absent', 'absent: expected nodes of the fleet', (v) => (v.fleets[0].absent = [absent('ab'.repeat(32))])],
    [
      'that states a node as absent twice',
      'absent: expected nodes of the fleet, each once',
      (v) => (v.fleets[0].absent = [absent(v.fleets[0].nodes[0].id), absent(v.fleets[0].nodes[0].id)]),
    ],
    ['that states nobody as absent', 'absent: Too small', (v) => (v.fleets[0].absent = [])],
    [
      'that states a node of a retired fleet as absent',
      'of a retired fleet no node signs',
      (v) => Object.assign(v.fleets[0], { state: 'retired', absent: [absent(v.fleets[0].nodes[0].id)] }),
    ],
    ['without fleets', 'fleets: Too small', (v) => (v.fleets = [])],
  ];
  test.each(lies)('%s', (_, why, bend) => {
    const value = good();
    bend(value);
    const refused = { code: 'malformed', message: expect.stringContaining(why) };
    expect(() => parseEntry(JSON.stringify(value))).toThrow(expect.objectContaining(refused));
  });

  test('in another spelling of the same JSON', () => {
    const line = readFileSync(goldenFile, 'utf8').trimEnd();
    expect(code(() => parseEntry(line.replace('"sequence":1', '"sequence": 1')))).toBe('malformed');
    expect(code(() => parseEntry(line.replace('"sequence":1', '"sequence":1.0')))).toBe('malformed');
    expect(code(() => parseEntry(line.replace('"sequence":1', '"sequence":2,"sequence":1')))).toBe('malformed');
    expect(code(() => parseEntry(`${line}\n\n`))).toBe('malformed');
    expect(code(() => parseEntry('{'))).toBe('malformed');
    expect(code(() => parseEntry('['.repeat(20_000) + ']'.repeat(20_000)))).toBe('malformed');
  });

  test('that is too large', () => {
    expect(code(() => parseEntry('x'.repeat(70_000)))).toBe('too-large');
  });
});

describe('which fleet', () => {
  const retiring = { ...entryFleet(first.namespace, 3, 20), state: 'retiring' as const };
  const entry = makeEntry({ ...first, fleets: [retiring, entryFleet(first.namespace, 3)] });
  const [old, active] = entry.fleets;

  test('registrations go to the active one, recoveries to the one that the backup names', () => {
    expect(activeFleet(entry, { allowSimulated: true })).toBe(active);
    expect(fleetById(entry, old!.fleet.id, { allowSimulated: true })).toBe(old);
    expect(code(() => fleetById(entry, hash(new Uint8Array()), { allowSimulated: true }))).toBe('wrong-fleet');
    const none = makeEntry({ ...first, fleets: [retiring] });
    expect(code(() => activeFleet(none, { allowSimulated: true }))).toBe('not-found');
  });

  test('a fleet on simulated tokens only where that was allowed in so many words', () => {
    expect(code(() => activeFleet(entry, { allowSimulated: false }))).toBe('untrusted-answer');
    expect(code(() => fleetById(entry, old!.fleet.id, { allowSimulated: false }))).toBe('untrusted-answer');
  });
});
