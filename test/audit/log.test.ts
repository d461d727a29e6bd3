/** The whole log replayed and compared: an honest one, and logs that were forked, rolled back, cut or written by one side alone. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LogAudit } from '../../src/audit/log.ts';
import type { Finding } from '../../src/audit/report.ts';
import { holdfast } from '../cli/holdfast.ts';
import { cosignatureKey } from '../log/keys.ts';
import { DAY_MS, goodFleet, honestNode } from '../trust/world.ts';
import { PublishedWorld } from './published.ts';

const BUSY_MS = 120_000;
let root = '';
let folder = '';
let world: PublishedWorld;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
});
afterAll(() => rmSync(root, { recursive: true }));

let logs = 0;
/** What a log of three entries looks like: a fleet, a second one beside it, and the first one retiring. */
beforeEach(async () => {
  logs += 1;
  folder = join(root, `log-${logs}`);
  world = new PublishedWorld();
  await world.publish();
  await world.publish({ fleets: [goodFleet(3, 101), goodFleet()] });
  await world.publish({ fleets: [goodFleet(3, 101), { ...goodFleet(), state: 'retiring' }] });
  await world.writeLog(folder);
  writeFileSync(join(root, 'root.json'), world.roots[0]!);
});

type Audit = LogAudit & { readonly code: number };
async function audit(log: string, ...more: readonly string[]): Promise<Audit> {
  const { code, out, err } = await holdfast('log', 'audit', '--root', join(root, 'root.json'), '--log', log, ...more, '--json');
  if (out === '') throw new Error(err);
  return { ...(JSON.parse(out) as LogAudit), code };
}
const wrong = ({ findings }: Audit): readonly Finding[] => findings.filter(({ result }) => result !== 'good' && result !== 'noted');
const names = (findings: readonly Finding[]) => findings.map(({ name }) => name);
const copy = (): string => {
  cpSync(folder, `${folder}-copy`, { recursive: true });
  return `${folder}-copy`;
};

describe(
  'a log that is in order',
  () => {
    it('is good, and shows which keys came and what changed', async () => {
      const report = await audit(folder);
      expect(report).toMatchObject({ code: 0, outcome: 'good' });
      expect(names(report.findings)).toEqual([
        ...['roots', 'checkpoint', 'witness', 'operator', 'third-parties'],
        ...['entry 0', 'entry 1', 'entry 2', 'tree', 'tiles'],
      ]);
      const { out } = await holdfast('log', 'audit', '--root', join(root, 'root.json'), '--log', folder);
      const { fleet } = world.leaves[1]!.entry.fleets[0]!;
      expect(out).toContain(`+ fleet ${fleet.id}: active, 3 nodes, quorum 2, threshold 2`);
      expect(out).toMatch(/\+ {5}sealing key {2}0[23][0-9a-f]{64}\n/);
      expect(out).toMatch(/entry 3\n {4}fleet [0-9a-f]{64}: active -> retiring\n/);
    });

    it('is read from a web server as well, remembers what it saw, and compares with mirrors', async () => {
      const server = await serve(folder);
      try {
        const seen = join(root, `seen-${logs}`);
        expect(await audit(server.url, '--seen', seen, '--mirror', copy())).toMatchObject({ outcome: 'good' });
        expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject({ sequence: 3, size: 3 });
        await world.publish({ fleets: [goodFleet(3, 101), { ...goodFleet(), state: 'retired' }] });
        await world.writeLog(folder);
        const again = await audit(server.url, '--seen', seen, '--mirror', `${folder}-copy`);
        expect(again).toMatchObject({
          outcome: 'good',
          findings: expect.arrayContaining([expect.objectContaining({ name: 'seen', result: 'good' })]),
        });
        // The other way round: the mirror is ahead.
        expect(await audit(`${folder}-copy`, '--mirror', server.url)).toMatchObject({ outcome: 'good' });
      } finally {
        server.close();
      }
    });

    it('follows a rotation of the roots, and entries of before it', async () => {
      const second = cosignatureKey('witness.example', 'second');
      world.rotate({ witness: second.vkey.text });
      await world.publish({ fleets: [goodFleet(3, 101), { ...goodFleet(), state: 'retired' }] });
      await world.writeLog(folder, { cosigners: [second, world.operator, world.thirdParties[0]!] });
      expect(await audit(folder)).toMatchObject({ outcome: 'good' });
    });

    it('is stale when nobody cosigned it lately; and cannot be told where it is not there, or a mirror is not', async () => {
      await world.writeLog(folder, { cosignedAtMs: world.nowMs - 15 * DAY_MS });
      expect(await audit(folder)).toMatchObject({ code: 3, outcome: 'stale' });
      expect(await audit('http://127.0.0.1:1')).toMatchObject({ code: 2, outcome: 'unknown' });
      await world.writeLog(folder);
      const report = await audit(folder, '--mirror', join(root, 'nowhere'));
      expect({ code: report.code, wrong: names(wrong(report)) }).toEqual({ code: 2, wrong: [`mirror ${join(root, 'nowhere')}`] });
    });
  },
  BUSY_MS,
);

describe(
  'is bad:',
  () => {
    it('a log that was rolled back since it was seen', async () => {
      const seen = join(root, `seen-${logs}`);
      await audit(folder, '--seen', seen);
      await world.writeLog(folder, { size: 2 });
      expect(names(wrong(await audit(folder, '--seen', seen)))).toEqual(['seen']);
    });

    it('a log whose past was rewritten, although everybody signed it anew', async () => {
      const seen = join(root, `seen-${logs}`);
      await audit(folder, '--seen', seen);
      const forked = await fork();
      const report = await audit(forked, '--seen', seen, '--mirror', folder);
      expect(report).toMatchObject({ code: 1, outcome: 'bad' });
      expect(names(wrong(report))).toEqual(['seen', `mirror ${folder}`]);
      expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject({ size: 3 });
    });

    it('one byte of an entry, one of a tile', async () => {
      const entries = join(folder, 'tile/entries/000.p/3');
      writeFileSync(entries, Buffer.from(readFileSync(entries, 'latin1').replace('Operator 2', 'Operator 3'), 'latin1'));
      expect(names(wrong(await audit(folder)))).toEqual(expect.arrayContaining(['entry 0', 'tree', 'tiles']));
      await world.writeLog(folder);
      const tile = join(folder, 'tile/0/000.p/3');
      const bytes = readFileSync(tile);
      bytes[40]! ^= 1;
      writeFileSync(tile, bytes);
      expect(names(wrong(await audit(folder)))).toEqual(['tiles']);
    });

    it('an entry that a witness should not have admitted: out of order, a fleet dropped, a key that comes back, one that no node signed', async () => {
      await world.publish({ sequence: 7 });
      await world.publish(
        { fleets: [goodFleet(3, 151)] },
        { nodes: (node, ...rest) => (node.name === 'node-2' ? undefined : honestNode(node, ...rest)) },
      );
      await world.writeLog(folder);
      const report = await audit(folder);
      expect(report).toMatchObject({ code: 1, outcome: 'bad' });
      const of = (name: string) => report.findings.filter((one) => one.name === name).map(({ words }) => words);
      expect(of('entry 3')).toEqual(
        expect.arrayContaining(['The sequence is not one more than that of the entry before.', 'A fleet that is not retired is missing.']),
      );
      expect(of('entry 4')).toEqual(
        expect.arrayContaining(['A fleet that is not retired is missing.', 'A node did not sign the entry that names it.']),
      );
    });

    it("a checkpoint that only the operator's side signed, and a root of one side", async () => {
      await world.writeLog(folder, { cosigners: [world.operator] });
      expect(names(wrong(await audit(folder)))).toEqual(['witness', 'third-parties']);
      await world.writeLog(folder);
      const text = world.makeRoot({ version: 2, threshold: 3 }, [...world.operatorRoots, ...world.witnessRoots]);
      writeFileSync(join(folder, 'roots', '2.root.json'), text.replace(/"sig":"../, '"sig":"00'));
      expect(names(wrong(await audit(folder)))).toEqual(['reading']);
    });
  },
  BUSY_MS,
);

/** The same first entry, then another past: what operator, witness and a third party could show to somebody, together. */
async function fork(): Promise<string> {
  const other = new PublishedWorld();
  await other.publish();
  await other.publish({ fleets: [goodFleet(3, 151), goodFleet()] });
  await other.publish({ fleets: [goodFleet(3, 151), { ...goodFleet(), state: 'retiring' }] });
  await other.writeLog(`${folder}-forked`);
  return `${folder}-forked`;
}

const servers: Server[] = [];
afterEach(() => {
  for (const one of servers.splice(0)) one.close();
});

async function serve(from: string): Promise<{ url: string; close(): void }> {
  const server = createServer(({ url = '' }, response) => {
    const path = join(from, url);
    if (existsSync(path)) response.writeHead(200).end(readFileSync(path));
    else response.writeHead(404).end();
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
