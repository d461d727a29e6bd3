/** `holdfast verify` as a stranger runs it: against what an honest deployment publishes, and against each known attack on it. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding, Report } from '../../src/audit/report.ts';
import { fromBase64url, type Id } from '../../src/base/bytes.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';
import { checkNames } from '../../src/trust/check.ts';
import { nodeStatement } from '../../src/trust/signed-entry.ts';
import { holdfast } from '../cli/holdfast.ts';
import { serveBundle } from '../client/nodes.ts';
import { noteKey } from '../log/keys.ts';
import { DAY_MS, goodFleet, NAMESPACE, rootKey, signAsNode } from '../trust/world.ts';
import { PublishedWorld } from './published.ts';

const BUSY_MS = 120_000;
let folder = '';
let world: PublishedWorld;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-verify-'));
  world = new PublishedWorld();
  await world.publish();
  writeFileSync(join(folder, 'root.json'), world.roots[0]!);
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(folder, `${files}.json`);
  writeFileSync(path, text);
  return path;
}

async function verify(...args: readonly string[]): Promise<Report & { readonly code: number; readonly wrong: readonly Finding[] }> {
  const { code, out, err } = await holdfast('verify', ...args, '--root', join(folder, 'root.json'), '--json');
  if (out === '') throw new Error(err);
  const report = JSON.parse(out) as Report;
  return { ...report, code, wrong: report.findings.filter(({ result }) => result !== 'good' && result !== 'noted') };
}
const names = (findings: readonly Finding[]) => findings.map(({ name }) => name);
const good = async () => (await world.bundle()).line;

describe(
  'what an honest deployment publishes',
  () => {
    it('is good: every check in words, and at the end what it does not prove', async () => {
      const report = await verify(file(await good()));
      expect(report).toMatchObject({ code: 0, outcome: 'good', wrong: [] });
      expect(names(report.findings)).toEqual([...checkNames]);
      const { code, out } = await holdfast('verify', file(await good()), '--root', join(folder, 'root.json'));
      expect(code).toBe(0);
      expect(out).toMatch(/^Looked at entry 1 of example.org\/vault, from .*: [0-9a-f]{64}\n/);
      expect(out).toMatch(/^good +witness +The witness audited the log/m);
      expect(out).toMatch(/GOOD: everything that was looked at holds\.\n\nThis does not prove:\n {2}- /);
    });

    it('explains each check on request, in words and always as JSON; and lets nothing that it shows write over what it said', async () => {
      const evil = 'one\u001b[2K\rgood     region\ngood     operator';
      const bad = await ours({ fleets: [{ ...goodFleet(), nodes: goodFleet().nodes.map((node) => ({ ...node, region: evil })) }] });
      const { code, out } = await holdfast('verify', file(bad), '--root', join(folder, 'root.json'), '--explain');
      expect(code).toBe(1);
      expect(out).toContain('Means: Another organisation checked the entry');
      expect(out.match(/Does not prove: /g)).toHaveLength(checkNames.length);
      expect(out).toContain('one\\x1b[2K\\x0dgood');
      for (const never of ['\u001b', '\r']) expect(out).not.toContain(never);
      expect(out).not.toMatch(/^good +(region|operator)$/m);
      const { findings } = await verify(file(await good()));
      for (const one of findings)
        expect(one).toMatchObject({ words: expect.any(String), means: expect.any(String), provesNot: expect.any(String) });
    });

    it('is good at the address of a node, and of several that agree', async () => {
      const nodes = await Promise.all([serveBundle(await good()), serveBundle(await good())]);
      try {
        expect(await verify(nodes[0].url)).toMatchObject({ outcome: 'good' });
        expect((await verify('--url', ...nodes.map(({ url }) => url))).findings[0]).toMatchObject({ name: 'views', result: 'good' });
      } finally {
        for (const node of nodes) node.close();
      }
    });

    it('cannot be told where nothing answers: that is not good', async () => {
      expect(await verify('http://127.0.0.1:1')).toMatchObject({ code: 2, outcome: 'unknown' });
      expect(await verify(file(await good()), '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 2, outcome: 'unknown' });
    });

    it('is stale when nobody cosigned it lately', async () => {
      const old = await world.bundle({ cosignedAtMs: world.nowMs - 20 * DAY_MS });
      const report = await verify(file(old.line));
      expect(report).toMatchObject({ code: 3, outcome: 'stale' });
      expect(names(report.wrong)).toEqual(['freshness']);
    });

    it('comes with files that are those the entry names, and not others', async () => {
      const transcript = 'the transcript of a ceremony\n';
      const digest = createHash('sha256').update(transcript).digest('hex') as Id;
      const evidence = [{ about: 'transcript', digest, url: 'https://evidence.example.org/transcript.jsonl' }];
      const published = new PublishedWorld();
      await published.publish({ fleets: [{ ...goodFleet(), evidence }] });
      const here = join(folder, 'evidence');
      mkdirSync(join(here, 'files'), { recursive: true });
      writeFileSync(join(here, 'bundle.json'), (await published.bundle()).line);
      expect(await verify(here)).toMatchObject({ code: 2, wrong: [{ name: 'evidence transcript.jsonl', result: 'unknown' }] });
      writeFileSync(join(here, 'files', 'transcript.jsonl'), transcript);
      expect(await verify(here)).toMatchObject({ code: 0 });
      writeFileSync(join(here, 'files', 'transcript.jsonl'), transcript.toUpperCase());
      expect(await verify(here)).toMatchObject({ code: 1, wrong: [{ name: 'evidence transcript.jsonl', result: 'bad' }] });
    });
  },
  BUSY_MS,
);

/** What somebody publishes who wants to have a bad fleet taken for a good one. */
const attacks: readonly [what: string, check: string, bundle: () => Promise<string>][] = [
  ['one byte of the line changed', 'release', async () => (await good()).replace('Operator 1', 'Operator 9')],
  [
    'an entry of another namespace',
    'namespace',
    () => ours({ namespace: 'evil.example.org/vault', fleets: [goodFleet(3, 1, 'evil.example.org/vault')] }),
  ],
  ['an entry that no release key signed', 'release', () => ours({}, { release: [] })],
  ["one node's sealing key exchanged after it had signed", 'nodes', exchangedSealingKey],
  [
    'an entry exchanged under a kept proof',
    'inclusion',
    async () => {
      const other = new PublishedWorld();
      await other.publish({ fleets: [goodFleet(3, 101)] });
      return (await world.bundle({ entry: other.leaves[0]!.text })).line;
    },
  ],
  ['a log without its witness', 'witness', async () => (await world.bundle({ cosigners: [world.operator, ...world.thirdParties] })).line],
  [
    'a log without the countersignature of the operator',
    'operator',
    async () => (await world.bundle({ cosigners: [world.witness, ...world.thirdParties] })).line,
  ],
  ['a log that no third party saw', 'third-parties', async () => (await world.bundle({ cosigners: [world.witness, world.operator] })).line],
  [
    'another log, whose key is in no root',
    'inclusion',
    async () => (await world.bundle({ log: noteKey('log.witness.example/holdfast', 'other') })).line,
  ],
  [
    'a fleet with too many nodes in one region',
    'spread',
    () => ours({ fleets: [{ ...goodFleet(), nodes: goodFleet().nodes.map((node) => ({ ...node, region: 'one' })) }] }),
  ],
  [
    'a fleet on simulated tokens',
    'simulated',
    () =>
      ours({
        fleets: [{ ...goodFleet(), nodes: goodFleet().nodes.map((node) => ({ ...node, token: { ...node.token, simulated: true } })) }],
      }),
  ],
  ['a root that one side made alone', 'roots', async () => (await world.bundle({ roots: [rogueRoot()] })).line],
];

/** Published by the operator and the witness of this deployment, together. */
async function ours(...published: Parameters<PublishedWorld['publish']>): Promise<string> {
  const rogue = new PublishedWorld();
  await rogue.publish(...published);
  return (await rogue.bundle()).line;
}

/** The operator's own keys on both sides: all that the new root asks for signed it, and not what the old one asks for. */
function rogueRoot(): string {
  const own = [rootKey('operator 3'), rootKey('operator 4')];
  const witnessRootKeys = own.map((one) => one.publicKey);
  return world.makeRoot({ version: 2, witnessRootKeys }, [...world.operatorRoots, ...own]);
}

/** All that the operator has of the nodes is what they signed when their keys were their own. */
function exchangedSealingKey(): Promise<string> {
  const honest = goodFleet();
  const thief = goodFleet(3, 101).nodes[0]!.sealingKey;
  const nodes = honest.nodes.map((node, i) => (i === 1 ? { ...node, sealingKey: thief } : node));
  const keys = nodes.map((one) => ({ identityKey: fromBase64url(one.identityKey), sealingKey: fromBase64url(one.sealingKey) }));
  const fleets = [{ ...honest, id: makeFleet(NAMESPACE, honest.quorum, honest.threshold, keys).id, nodes }];
  const before = world.leaves[0]!.entry;
  return ours({ fleets }, { nodes: (node, fleet) => signAsNode(node, nodeStatement(before, fleet, node)) });
}

describe(
  'is bad, by the check that is there for it:',
  () => {
    it.each(attacks)('%s (%s)', async (_what, check, bundle) => {
      const report = await verify(file(await bundle()));
      expect(report).toMatchObject({ code: 1, outcome: 'bad' });
      expect(names(report.findings.filter(({ result }) => result === 'bad'))[0]).toBe(check);
    });

    it('a log that was rolled back since the last look (sequence)', async () => {
      const newer = new PublishedWorld();
      await newer.publish();
      await newer.publish();
      const seen = join(folder, 'seen');
      expect(await verify(file((await newer.bundle()).line), '--seen', seen)).toMatchObject({ code: 0 });
      expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject({ sequence: 2, size: 2 });
      const report = await verify(file((await newer.bundle({ index: 0, size: 1 })).line), '--seen', seen);
      expect(names(report.findings.filter(({ result }) => result === 'bad'))).toEqual(['sequence', 'log-forward']);
      expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject({ sequence: 2, size: 2 });
    });

    it('a view that is split: two nodes show one past each (views)', async () => {
      const other = await ours({ fleets: [goodFleet(3, 101)] });
      const report = await verify(file(await good()), '--url', ...(await both(other)));
      expect(report).toMatchObject({
        code: 1,
        outcome: 'bad',
        findings: expect.arrayContaining([expect.objectContaining({ name: 'views' })]),
      });
    });
  },
  BUSY_MS,
);

const servers: { close(): void }[] = [];
afterAll(() => {
  for (const one of servers) one.close();
});
async function both(other: string): Promise<string[]> {
  const made = [await serveBundle(await good()), await serveBundle(other)];
  servers.push(...made);
  return made.map(({ url }) => url);
}
