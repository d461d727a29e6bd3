/** The ceremony of a development fleet, rehearsed on SoftHSM: it is what it says, can be gone on with, and proves its fleet. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAccountsConfig } from '../../src/accounts/config.ts';
import { ABOUT_FILE, formatAbout } from '../../src/audit/evidence/publication.ts';
import { fromBase64url, NO_ID, utf8 } from '../../src/base/bytes.ts';
import { DevelopmentSite } from '../../src/ceremony/development-site.ts';
import { perform } from '../../src/ceremony/perform.ts';
import { describePlan, type Facts } from '../../src/ceremony/plan.ts';
import { developmentFleet } from '../../src/ceremony/plans/development-fleet.ts';
import { Transcript } from '../../src/ceremony/transcript.ts';
import { verifyTranscript } from '../../src/ceremony/verify.ts';
import { auditTranscripts } from '../../src/cli/audit/evidence.ts';
import { readPin } from '../../src/custody/pin.ts';
import { activeFleet, type FleetEntry, parseEntry } from '../../src/fleet/entry.ts';
import { readConfig } from '../../src/node/config.ts';
import { spkiOf } from '../../src/web/peer-trust.ts';
import { expectGoldenText } from './golden.ts';

const plan = developmentFleet({
  namespace: 'holdfast-test',
  tenant: 'test',
  quorum: 2,
  validFrom: '2026-01-01T00:00:00Z',
  validUntil: '2036-01-01T00:00:00Z',
  pages: 2,
  nodes: [1, 2, 3].map((i) => ({
    name: `node-${i}`,
    region: `region-${i}`,
    operator: 'Development',
    url: `https://127.0.0.1:2000${i}`,
    publicPort: 20_000 + i,
    peerPort: 20_010 + i,
    metricsPort: 20_020 + i,
  })),
  accountsPort: 20_030,
});

const about = {
  published: '2026-01-01T00:00:00Z',
  namespace: 'holdfast-test',
  sequence: 1,
  entry: NO_ID,
  bundle: NO_ID,
  development: true,
  log: 'https://log.example.org',
  certificates: [],
};

let folder = '';
const entryOf = () => parseEntry(read('fleet-entry.json'));
let site: DevelopmentSite;
const file = (...parts: string[]) => join(folder, ...parts);
const read = (...parts: string[]) => readFileSync(file(...parts), 'utf8');
const run = () => perform(plan, site, new Transcript(file('transcript.jsonl'), Date.now));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-ceremony-'));
  site = new DevelopmentSite(folder);
  await run();
});

afterAll(() => {
  site.close();
  rmSync(folder, { recursive: true, force: true });
});

it('does what the dry run says', () => {
  expectGoldenText(import.meta.url, 'development-fleet.txt', describePlan(plan));
});

it('makes keys that never left their tokens', () => {
  const { lines } = new Transcript(file('transcript.jsonl'), Date.now);
  const keys = lines.filter(({ step }) => /^node-\d\/(tags|identity|sealing|tls)$/.test(step));
  expect(keys).toHaveLength(12);
  for (const { facts } of keys) {
    expect(facts['attributes']).toMatchObject({ LOCAL: true, SENSITIVE: true, EXTRACTABLE: false, NEVER_EXTRACTABLE: true });
  }
});

it('shows what each device lets the holder of its PIN do, which is what is known of SoftHSM', () => {
  const { lines } = new Transcript(file('transcript.jsonl'), Date.now);
  const tried = lines.filter(({ step }) => step.endsWith('/misuse'));
  expect(tried.map(({ role }) => role)).toEqual(['observer', 'observer', 'observer']);
  for (const { facts } of tried) expect(facts['open']).toEqual(['derive a readable value with the sealing key']);
});

it('makes an entry that clients accept only when told to take simulated tokens', () => {
  const entry = parseEntry(read('fleet-entry.json'));
  expect(activeFleet(entry, { allowSimulated: true }).nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
  expect(() => activeFleet(entry, { allowSimulated: false })).toThrow(expect.objectContaining({ code: 'untrusted-answer' }));
});

it('certifies the TLS keys that are in the tokens', () => {
  const authority = new X509Certificate(read('ca.pem'));
  const { lines } = new Transcript(file('transcript.jsonl'), Date.now);
  for (const node of ['node-1', 'node-2', 'node-3']) {
    const certificate = new X509Certificate(read(node, 'tls.pem'));
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    const facts = lines.find(({ step }) => step === `${node}/tls`)?.facts as Facts;
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    expect(spki).toEqual(Buffer.from(spkiOf(fromBase64url(String(facts['publicKey'])))));
  }
});

it('writes configurations that the programs take', () => {
  for (const [i, node] of ['node-1', 'node-2', 'node-3'].entries()) {
    const config = readConfig(file(node, 'node.json'));
    expect(config).toMatchObject({ self: node, entryFile: file('fleet-entry.json'), public: { port: 20_001 + i } });
    expect(Object.keys(config.peers)).toHaveLength(2);
    expect(readPin(config.token.pinFile!).reveal()).toBe(read(node, 'pin').trim());
  }
  expect(readAccountsConfig(file('accounts', 'accounts.json'))).toMatchObject({ port: 20_030, dataDir: file('accounts', 'data') });
});

it('writes no PIN into the transcript, and nothing that others can read', () => {
  const transcript = read('transcript.jsonl');
  for (const node of ['node-1', 'node-2', 'node-3']) {
    for (const pin of ['pin', 'so-pin']) expect(transcript).not.toContain(read(node, pin).trim());
  }
  for (const path of readdirSync(folder, { recursive: true }) as string[]) expect(statSync(file(path)).mode & 0o077, path).toBe(0);
});

it('run again, changes nothing', async () => {
  const before = read('transcript.jsonl');
  await run();
  expect(read('transcript.jsonl')).toBe(before);
});

it('goes on after an interruption, and says what it found done and not recorded', async () => {
  const interrupted = mkdtempSync(join(tmpdir(), 'holdfast-ceremony-'));
  const here = new DevelopmentSite(interrupted);
  const transcript = join(interrupted, 'transcript.jsonl');
  const doneBefore = plan.steps.filter(({ id }) => id.endsWith('/token') || id === 'accounts/configuration');
  try {
    for (const { do: act } of doneBefore) await act?.(here, new Map());
    await perform(plan, here, new Transcript(transcript, Date.now));
    const { found } = verifyTranscript(readFileSync(transcript, 'utf8'));
    expect(found.toSorted()).toEqual(doneBefore.map(({ id }) => id).toSorted());
  } finally {
    here.close();
    rmSync(interrupted, { recursive: true });
  }
});

describe('verifying the transcript', () => {
  it('gives the entry that is in use', () => {
    const published = { 'fleet-entry.json': read('fleet-entry.json') };
    expect(verifyTranscript(read('transcript.jsonl'), published).entry?.line).toBe(read('fleet-entry.json').trimEnd());
  });

  it('finds any changed byte of a line but the last, which nobody signs here', () => {
    const bytes = Buffer.from(read('transcript.jsonl'));
    const last = bytes.lastIndexOf('\n', bytes.length - 2);
    for (let at = 3; at < last; at += 97) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => verifyTranscript(changed.toString('latin1')), `byte ${at}`).toThrow();
    }
  });

  it('refuses an entry with a key that no token was read back to hold', () => {
    const entry = JSON.parse(read('fleet-entry.json'));
    entry.fleets[0].nodes[1].sealingKey = entry.fleets[0].nodes[0].identityKey;
    const published = { 'fleet-entry.json': JSON.stringify(entry) };
    expect(() => verifyTranscript(read('transcript.jsonl'), published)).toThrow(/fleets\.0\.nodes\.1\.sealingKey/);
  });

  it.each<[what: string, step: string, change: (facts: Facts) => Facts, why: RegExp]>([
    [
      'a key that could have been planted',
      'node-2/sealing',
      (facts) => ({ ...facts, attributes: { ...(facts['attributes'] as Facts), LOCAL: false } }),
      /CKA_LOCAL/,
    ],
    ['counters that were used before', 'node-1/pages', (facts) => ({ ...facts, sequence: '7' }), /nothing was ever counted/],
    [
      'a device that lets more happen than is known of it',
      'node-3/misuse',
      (facts) => ({ ...facts, open: [...(facts['open'] as string[]), 'read the value of the sealing key'] }),
      /known to be open/,
    ],
    ['one key in two nodes', 'node-3/identity', (facts) => ({ ...facts, publicKey: keyOf('node-1/identity') }), /must be different/],
  ])('refuses a chain that is whole and tells of %s', (_what, changed, change, why) => {
    const forged = join(folder, `forged-${changed.replace('/', '-')}.jsonl`);
    const transcript = new Transcript(forged, Date.now);
    for (const { step, role, facts } of new Transcript(file('transcript.jsonl'), Date.now).lines)
      transcript.append({ step, role, facts: step === changed ? change(facts) : facts });
    expect(() => verifyTranscript(readFileSync(forged, 'utf8'))).toThrow(why);
  });

  it('published as evidence, is bad where the entry says more of tokens than was read back', () => {
    const files = new Map([
      [ABOUT_FILE, utf8(formatAbout({ ...about, transcripts: [{ fleet: entryOf().fleets[0]!.fleet.id, file: 'files/t.jsonl' }] }))],
      ['files/t.jsonl', new Uint8Array(readFileSync(file('transcript.jsonl')))],
    ]);
    const audit = (entry: FleetEntry) => auditTranscripts(files, { entry });
    expect(audit(entryOf())).toMatchObject([{ result: 'noted' }]);
    const boast = JSON.parse(entryOf().line);
    for (const node of boast.fleets[0].nodes) node.token = { model: 'K7', class: 'device', simulated: false };
    expect(audit(parseEntry(JSON.stringify(boast)))).toMatchObject([{ result: 'bad', evidence: { node: 'node-1', entry: 'K7, device' } }]);
  });

  it('refuses one that ends early', () => {
    const short = read('transcript.jsonl').split('\n').slice(0, -2).join('\n');
    writeFileSync(file('short.jsonl'), `${short}\n`);
    expect(() => verifyTranscript(read('short.jsonl'))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

function keyOf(step: string): string {
  const { lines } = new Transcript(file('transcript.jsonl'), Date.now);
  return String(lines.find((line) => line.step === step)?.facts['publicKey']);
}
