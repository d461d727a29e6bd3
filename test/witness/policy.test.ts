/** The admission policy, item by item: what is refused, under which name; and that every other item is told all the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_ID, utf8 } from '../../src/base/bytes.ts';
import { decodePoint, encodeUncompressed } from '../../src/oprf/point.ts';
import { isoTime } from '../../src/trust/continuity.ts';
import { openRoot } from '../../src/trust/roots.ts';
import type { SignedEntry } from '../../src/trust/signed-entry.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';
import { hash } from '../../src/wire/signed.ts';
import { readCertificates } from '../../src/witness/log/attestation.ts';
import { type Fetched, filesOf, saysKey } from '../../src/witness/log/evidence.ts';
import { type Facts, firstFailed, isAdmitted, judge, publishedItems } from '../../src/witness/log/policy.ts';
import { publicKey } from '../fleet/entries.ts';
import { noteKey } from '../log/keys.ts';
import { DAY_MS, goodFleet, NOW_MS, World, without } from '../trust/world.ts';
import { asPkcs7, makeMaker } from './maker.ts';

const TRANSCRIPT = utf8('{"step":"begin"}\n');
const transcript = { about: 'ceremony transcript', digest: hash(TRANSCRIPT), url: 'https://example.org/transcript' };

type FleetValue = ReturnType<typeof goodFleet>;
/** The file that a device's maker would give for a sealing key: here, its SubjectPublicKeyInfo alone. */
const attestationOf = (from: number, i: number) => encodeUncompressed(decodePoint(publicKey(from + 2 * i + 1)));

function attestedFleet(from = 1, overrides: Partial<FleetValue> = {}, size = 3): FleetValue {
  const fleet = goodFleet(size, from);
  const nodes = fleet.nodes.map((node, i) => ({
    ...node,
    attestation: { format: 'example', digest: hash(attestationOf(from, i)), url: `https://example.org/attestation-${from}-${i}` },
  }));
  return { ...fleet, nodes, evidence: [transcript], ...overrides };
}

/** What an honest web server has. */
function served(from = 1, size = 3): Map<string, Fetched> {
  const files = new Map<string, Fetched>([[transcript.url, { digest: transcript.digest }]]);
  for (let i = 0; i < size; i += 1) {
    const bytes = attestationOf(from, i);
    files.set(`https://example.org/attestation-${from}-${i}`, { digest: hash(bytes), bytes });
  }
  return files;
}

const world = new World();
const facts = (overrides: Partial<Facts> = {}): Facts => ({
  nowMs: NOW_MS,
  admitted: world.leaves.map(({ entry }) => entry),
  root: openRoot(world.roots[0]!),
  verify: verifyP256,
  measurements: undefined,
  attestationRoots: new Map(),
  fetched: served(),
  ...overrides,
});
const entry = (overrides: Parameters<World['entry']>[0] = {}) => world.entry({ fleets: [attestedFleet()], ...overrides });

/** It fails exactly this item, as the first, and nothing is left out. */
function expectRefused(signed: SignedEntry | string, item: string, words: RegExp, of = facts()) {
  const judgement = judge(typeof signed === 'string' ? signed : signed.text, of);
  expect(judgement.items.map((one) => one.item)).toEqual(publishedItems.map((one) => one.item));
  const failed = firstFailed(judgement);
  expect({ item: failed?.item, words: failed?.words }).toEqual({ item, words: expect.stringMatching(words) });
  expect(isAdmitted(judgement)).toBe(false);
  return failed!;
}

it('admits an entry in which every item holds', async () => {
  const judgement = judge((await world.sign(entry())).text, facts());
  expect(judgement.items.filter(({ result }) => result !== 'passed')).toEqual([]);
  expect(isAdmitted(judgement)).toBe(true);
});

it('does not admit before the evidence was fetched', async () => {
  const judgement = judge((await world.sign(entry())).text, facts({ fetched: undefined }));
  expect(judgement.items.filter(({ result }) => result === 'unchecked').map(({ item }) => item)).toEqual(['evidence', 'attestation']);
  expect([firstFailed(judgement), isAdmitted(judgement)]).toEqual([undefined, false]);
});

it('tells all that fails, not the first alone', async () => {
  const signed = await world.sign(entry({ sequence: 7, previous: hash(utf8('x')) }));
  const { items } = judge(signed.text, facts({ nowMs: NOW_MS + 900 * DAY_MS }));
  expect(items.filter(({ result }) => result === 'failed').map(({ item }) => item)).toEqual(['sequence', 'previous', 'validity']);
});

describe('form', () => {
  it('what is no signed entry', () => {
    for (const text of ['', 'hello', '{}\n\n— a.example AAAAAAAA\n']) {
      const failed = expectRefused(text, 'form', /./);
      expect(failed.words).not.toBe('');
    }
    expect(
      judge('', facts())
        .items.slice(1)
        .every(({ result }) => result === 'unchecked'),
    ).toBe(true);
  });
  it('another spelling of the line', async () => {
    const { text } = await world.sign(entry());
    expectRefused(text.replace('{"type"', '{ "type"'), 'form', /spelling/);
  });
});

it('namespace: another', async () => {
  const other = openRoot(world.makeRoot({ namespace: 'example.org/other' }, [...world.operatorRoots, ...world.witnessRoots]));
  expectRefused(await world.sign(entry()), 'namespace', /another/, facts({ root: other }));
});

describe('release', () => {
  it('too few keys, one key twice, and a stranger', async () => {
    const [one] = world.release;
    expectRefused(await world.sign(entry(), { release: [one!] }), 'release', /too few/);
    expectRefused(await world.sign(entry(), { release: [one!, one!] }), 'release', /too few/);
    expectRefused(await world.sign(entry(), { release: [one!, noteKey('stranger.example')] }), 'release', /too few/);
  });
  it('a signature that does not verify', async () => {
    const signed = await world.sign(entry());
    const other = await world.sign(entry({ validFrom: isoTime(NOW_MS - 2 * DAY_MS) }));
    const [head] = signed.text.split('\n\n');
    expectRefused(`${head}\n\n${other.text.split('\n\n')[1]}`, 'release', /does not verify/);
  });
});

describe('beside the entry before', () => {
  const chain = new World();
  const following = async (overrides: Parameters<World['entry']>[0]) =>
    chain.sign(chain.entry({ fleets: [attestedFleet()], ...overrides }));
  const of = (overrides: Partial<Facts> = {}) => facts({ admitted: chain.leaves.map((leaf) => leaf.entry), ...overrides });

  it('sequence and previous: one that is left out, repeated, or of another chain', async () => {
    await chain.publish({ fleets: [attestedFleet()] });
    expectRefused(await following({ sequence: 3 }), 'sequence', /not one more/, of());
    expectRefused(chain.leaves[0]!, 'sequence', /not one more/, of());
    expectRefused(await following({ previous: hash(utf8('other')) }), 'previous', /digest of the entry before/, of());
    expect(isAdmitted(judge((await following({})).text, of()))).toBe(true);
  });

  it('a first entry that is not the first', async () => {
    expectRefused(await world.sign(entry({ sequence: 2, previous: hash(utf8('x')) })), 'sequence', /not one more/);
  });

  it('keys: one that comes back in another fleet', async () => {
    // The private keys from 3 are those of the second node of the fleet before.
    expectRefused(await following({ fleets: [attestedFleet(3)] }), 'keys', /two places/, of({ fetched: served(3) }));
  });

  it('continuity: a fleet that is dropped, and one that comes back', async () => {
    expectRefused(await following({ fleets: [attestedFleet(11)] }), 'continuity', /missing/, of({ fetched: served(11) }));
    await chain.publish({ fleets: [attestedFleet(1, { state: 'retired' }), attestedFleet(11)] });
    expectRefused(await following({ fleets: [attestedFleet(), attestedFleet(11)] }), 'continuity', /came back/, of());
  });

  it('evidence of a retired fleet need not be there for ever, of a new one it must', async () => {
    const signed = await following({ fleets: [attestedFleet(1, { state: 'retired' }), attestedFleet(11)] });
    const fetched = new Map([...served(11)]);
    expect(filesOf(signed.entry, of().admitted).map(({ url }) => url)).not.toContain('https://example.org/attestation-1-0');
    expect(isAdmitted(judge(signed.text, of({ fetched })))).toBe(true);
    fetched.delete('https://example.org/attestation-11-0');
    expectRefused(signed, 'evidence', /could not be fetched/, of({ fetched }));
  });
});

it.each([
  ['not begun', NOW_MS + DAY_MS, NOW_MS + 2 * DAY_MS, /not valid yet/],
  ['over', NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS, /not valid any more/],
  ['too long', NOW_MS - DAY_MS, NOW_MS + 400 * DAY_MS, /too long/],
])('validity: %s', async (_, from, until, words) => {
  expectRefused(await world.sign(entry({ validFrom: isoTime(from), validUntil: isoTime(until) })), 'validity', words);
});

describe('nodes', () => {
  it('one that did not sign', async () => {
    const failed = expectRefused(await world.sign(entry(), { nodes: () => undefined }), 'nodes', /did not sign/);
    expect(failed.evidence).toMatchObject({ node: 'node-1' });
  });
  it('one whose signature is of another entry', async () => {
    expectRefused(await world.sign(entry(), { nodes: () => new Uint8Array(64).fill(1) }), 'nodes', /does not verify/);
  });
});

describe('nodes that are absent', () => {
  const lost = new World();
  const of = () => facts({ admitted: lost.leaves.map((leaf) => leaf.entry) });
  const next = (fleet: FleetValue) => lost.sign(lost.entry({ fleets: [fleet] }));
  const first = lost.publish({ fleets: [attestedFleet()] }).then(({ entry: { digest } }) => digest);

  it('are admitted as the entry before describes them, while a quorum is there', async () => {
    expect(isAdmitted(judge((await next(without(attestedFleet(), await first, 2))).text, of()))).toBe(true);
    expectRefused(await next(without(attestedFleet(), await first, 1, 2)), 'nodes', /fewer nodes .* than its quorum/, of());
  });
  it('are not described otherwise, by those who have the release keys', async () => {
    const fleet = without(attestedFleet(), await first, 2);
    for (const change of [{ region: 'elsewhere' }, { operator: 'Another' }, { url: 'https://elsewhere.example.org' }]) {
      const nodes = fleet.nodes.map((node, i) => (i === 2 ? { ...node, ...change } : node));
      expectRefused(await next({ ...fleet, nodes }), 'nodes', /says other things of an absent node/, of());
    }
  });
  it('signed an entry of this log, and are not of a new fleet', async () => {
    const elsewhere = hash(utf8('signed, and never admitted'));
    expectRefused(await next(without(attestedFleet(), elsewhere, 2)), 'nodes', /not in the log/, of());
    const fresh = { fleets: [attestedFleet(), without(attestedFleet(11), await first, 2)] };
    const fetched = new Map([...served(), ...served(11)]);
    expectRefused(await lost.sign(lost.entry(fresh)), 'nodes', /says other things/, facts({ ...of(), fetched }));
  });
});

describe('evidence', () => {
  it('another file, one that is not there, and one that nobody fetched', async () => {
    const signed = await world.sign(entry());
    const other = served().set(transcript.url, { digest: hash(utf8('other')) });
    expect(expectRefused(signed, 'evidence', /another digest/, facts({ fetched: other })).evidence).toMatchObject({ url: transcript.url });
    const gone = served().set(transcript.url, { problem: 'the host answered 404' });
    expect(expectRefused(signed, 'evidence', /could not be fetched/, facts({ fetched: gone })).evidence['problem']).toMatch(/404/);
    expectRefused(signed, 'evidence', /could not be fetched/, facts({ fetched: new Map() }));
  });
});

it('measurements: one that is not on the list', async () => {
  const signed = await world.sign(entry());
  const known = signed.entry.fleets[0]!.measurements[0]!.digest;
  expectRefused(signed, 'measurements', /not known/, facts({ measurements: new Set([NO_ID]) }));
  expect(isAdmitted(judge(signed.text, facts({ measurements: new Set([known]) })))).toBe(true);
});

it.each(['region', 'operator'] as const)('spread: t nodes in one %s', async (what) => {
  const fleet = attestedFleet();
  const nodes = fleet.nodes.map((node, i) => (i < 2 ? { ...node, [what]: 'one' } : node));
  expectRefused(await world.sign(entry({ fleets: [{ ...fleet, nodes }] })), 'spread', new RegExp(what));
});

describe('attestation', () => {
  const change = (from: (node: FleetValue['nodes'][number]) => FleetValue['nodes'][number]) => {
    const fleet = attestedFleet();
    return world.sign(entry({ fleets: [{ ...fleet, nodes: fleet.nodes.map((node, i) => (i === 1 ? from(node) : node)) }] }));
  };
  it('none, where the token is not simulated', async () => {
    const bare = await change(({ attestation: _, ...node }) => node);
    expect(expectRefused(bare, 'attestation', /no attestation/).evidence).toMatchObject({ node: 'node-2' });
    const simulated = await change(({ attestation: _, ...node }) => ({ ...node, token: { ...node.token, simulated: true } }));
    expect(isAdmitted(judge(simulated.text, facts()))).toBe(true);
  });
  it('one of another key', async () => {
    const bytes = attestationOf(1, 0);
    const signed = await change((node) => ({ ...node, attestation: { ...node.attestation!, digest: hash(bytes) } }));
    const fetched = served().set('https://example.org/attestation-1-1', { digest: hash(bytes), bytes });
    expectRefused(signed, 'attestation', /does not say the sealing key/, facts({ fetched }));
  });
});

describe('attestation by a chain of X.509', async () => {
  const maker = await makeMaker();
  const roots = new Map([['example', readCertificates(maker.root)]]);
  /** The second node's, whose sealing key has the private key 4. */
  const judged = async (chain: Uint8Array) => {
    const fleet = attestedFleet();
    const files = served();
    const nodes: FleetValue['nodes'][number][] = [];
    for (const [i, node] of fleet.nodes.entries()) {
      const bytes = i === 1 ? chain : await maker.chainFor(2 + 2 * i);
      const url = `https://example.org/attestation-1-${i}`;
      files.set(url, { digest: hash(bytes), bytes });
      nodes.push({ ...node, attestation: { format: 'example', digest: hash(bytes), url } });
    }
    const signed = await world.sign(entry({ fleets: [{ ...fleet, nodes }] }));
    return judge(signed.text, facts({ fetched: files, attestationRoots: roots }));
  };
  const why = async (chain: Uint8Array) => firstFailed(await judged(chain))?.words;

  it('from the maker’s root to the key, as PEM and as PKCS#7, is admitted', async () => {
    const chain = await maker.chainFor(4);
    expect(isAdmitted(await judged(chain))).toBe(true);
    expect(isAdmitted(await judged(asPkcs7(chain)))).toBe(true);
  });
  it('of another maker, of another key, cut short, over, or that is none, is not', async () => {
    const leadsNowhere = /do not lead from a root of the maker/;
    expect(await why(await (await makeMaker()).chainFor(4))).toMatch(leadsNowhere);
    expect(await why(await maker.chainFor(6))).toMatch(/does not say the sealing key/);
    expect(await why(await maker.chainFor(4, { cut: true }))).toMatch(leadsNowhere);
    expect(await why(await maker.chainFor(4, { days: 1 }))).toMatch(leadsNowhere);
    expect(await why(attestationOf(1, 1))).toMatch(/1 to 16 certificates/);
  });
  it('in which a key that the device attested, and that is no authority, certifies one in software, is not', async () => {
    expect(await why(await maker.forgedFor(4))).toMatch(/do not lead from a root of the maker/);
  });
});

it('finds a key in a file as bytes, in hex, in PEM and in JSON', () => {
  const key = publicKey(7);
  const point = encodeUncompressed(decodePoint(key));
  const base64 = Buffer.from([1, 2, ...point, 3]).toString('base64');
  const pem = `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`;
  const files = [
    point,
    Buffer.from(point).toString('hex'),
    pem,
    JSON.stringify({ pem, other: 1 }),
    JSON.stringify({ key: Buffer.from(point).toString('base64url') }),
  ];
  for (const file of files) {
    const bytes = typeof file === 'string' ? utf8(file) : file;
    expect([saysKey(bytes, key), saysKey(bytes, publicKey(8))], String(file)).toEqual([true, false]);
  }
});

it('docs/transparency.md names the items in this order', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/transparency.md'), 'utf8');
  const section = document.split("## The witness's admission policy")[1]!.split('\n## ')[0]!;
  const named = [...section.matchAll(/`([a-z]+)`/g)].map(([, name]) => name);
  expect(named).toEqual(publishedItems.map(({ item }) => item));
});
