/**
 * An outsider before a fleet that runs: nodes, witness and third party as processes of their own, each with its token. What is
 * written in docs/whitepaper.md and in a published VERIFY.txt is done as it stands there; and `verify --live` is shown nodes that
 * are not what they say.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildVerifyPage } from '../../scripts/pages/build.ts';
import type { Finding, Report } from '../../src/audit/report.ts';
import { openWeb } from '../../src/cli/audit/sources.ts';
import { tokenEnvironment } from '../../src/cli/fleet/layout.ts';
import { holdfast, holdfastJson, MAIN } from '../cli/holdfast.ts';
import { TestFleet } from '../e2e/fleet.ts';
import { commandFolder, readClaims, runClaim } from './claims.ts';

const BUSY_MS = 300_000;
const PROJECT = join(import.meta.dirname, '../..');
let fleet: TestFleet;
let folder: string;
let commands: string;
let rootFile: string;
/** PEM: of the nodes, of the witness, and of whoever wants to be taken for a node. */
let authorities: string;
let site: string;
let place: string;
let log: string;
let urls: readonly string[];
/** As the nodes served it at first. */
let first: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-outsider-'));
  fleet = await TestFleet.up(3, undefined, 'over-the-air');
  commands = commandFolder(join(folder, 'bin'));
  rootFile = join(fleet.folder, 'root.json');
  urls = fleet.entry.fleets[0]!.nodes.map(({ url }) => url);
  makeImpostor();
  authorities = join(folder, 'authorities.pem');
  const pems = [...['ca.pem', 'witness-ca.pem'].map((name) => join(fleet.folder, name)), join(folder, 'impostor.pem')];
  writeFileSync(authorities, pems.map((file) => readFileSync(file, 'utf8')).join(''));
  writeFileSync(join(folder, 'verify.html'), await buildVerifyPage(PROJECT));
  site = join(folder, 'site');
  const publish = ['fleet', 'evidence', '--publish', site, '--dir', fleet.folder, '--page', join(folder, 'verify.html')];
  place = ((await holdfastJson(...publish)) as { place: string }).place;
  log = (JSON.parse(readFileSync(join(place, 'publication.json'), 'utf8')) as { log: string }).log;
  first = join(folder, 'first.json');
  writeFileSync(first, readFileSync(join(place, 'bundle.json')));
}, BUSY_MS);
afterAll(async () => {
  await fleet?.down();
  rmSync(folder, { recursive: true, force: true });
}, BUSY_MS);

/** A TLS certificate for this machine's address: what is said must not be believed for it. */
function makeImpostor(): void {
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', join(folder, 'impostor-key.pem'), '-out', join(folder, 'impostor.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...files, ...subject], {
    stdio: 'ignore',
  });
}

describe('published evidence of a development fleet', () => {
  it('says loudly that it is one, on every page and in the feed', () => {
    for (const file of [join(site, 'index.html'), join(site, 'feed.xml'), join(place, 'index.html'), join(place, 'VERIFY.txt')])
      expect([file, readFileSync(file, 'utf8')]).toEqual([file, expect.stringContaining('DEVELOPMENT')]);
    expect(readFileSync(join(place, 'VERIFY.txt'), 'utf8').replaceAll('\n', ' ')).toContain('tokens are simulated and protect nothing');
  });

  it(
    'has for every claim one command, which prints what VERIFY.txt says',
    async () => {
      const claims = readClaims(readFileSync(join(place, 'VERIFY.txt'), 'utf8'));
      expect(claims.length).toBeGreaterThan(35);
      for (const { number, command, expected } of claims)
        expect({ number, command, printed: await runClaim(command, place, commands, rootFile) }).toEqual({
          number,
          command,
          printed: expected,
        });
    },
    BUSY_MS,
  );

  it(
    'is published once a day, and never changed',
    async () => {
      const again = ['fleet', 'evidence', '--publish', site, '--dir', fleet.folder, '--page', join(folder, 'verify.html')];
      expect(await holdfastJson(...again)).toMatchObject({ place, added: false });
    },
    BUSY_MS,
  );

  it(
    "is signed in the operator's token; without its key nothing is published that looks so",
    async () => {
      const verified = async (what: string) => {
        const { code, out } = await holdfast('verify', what, '--root', rootFile, '--allow-simulated', '--json');
        return [code, (JSON.parse(out) as Report).findings.find(({ name }) => name === 'list')?.result];
      };
      expect(await verified(place)).toEqual([0, 'good']);
      const config = join(fleet.folder, 'operator/outsider.json');
      const { token, ...rest } = JSON.parse(readFileSync(join(fleet.folder, 'operator/operator.json'), 'utf8')) as { token: object };
      writeFileSync(config, JSON.stringify({ ...rest, token: { ...token, label: 'a token that he has not' } }));
      const elsewhere = join(folder, 'outsider');
      const publish = ['fleet', 'evidence', '--publish', elsewhere, '--config', config, '--page', join(folder, 'verify.html')];
      expect(await holdfast(...publish)).toMatchObject({ code: 1, err: expect.stringContaining('publishes with --unsigned') });
      const { code, err } = await holdfast(...publish, '--unsigned');
      expect([code, err]).toEqual([0, expect.stringContaining('NOBODY SIGNED THE LIST')]);
      expect(await verified(elsewhere)).toEqual([2, 'unknown']);
    },
    BUSY_MS,
  );
});

describe('the audit of the whitepaper', () => {
  const document = readFileSync(join(PROJECT, 'docs/whitepaper.md'), 'utf8');
  const audit = document.slice(document.indexOf('\n## Audit'));
  const script = [...audit.matchAll(/^ *```sh\n([^`]*)```$/gm)].map(([, block = '']) => block.replace(/^ {3}/gm, '')).join('');

  /** By a shell, in a folder that has nothing but the root. */
  function run(address: string): Promise<{ readonly failed: boolean; readonly out: string }> {
    const here = mkdtempSync(join(folder, 'whitepaper-'));
    writeFileSync(join(here, 'root.json'), readFileSync(rootFile));
    const trusting = { CURL_CA_BUNDLE: authorities, NODE_EXTRA_CA_CERTS: authorities, ALLOW: '--allow-simulated' };
    const env = { ...process.env, PATH: `${commands}:${process.env['PATH']}`, NODE: urls[1], LOG: address, ...trusting };
    return new Promise((resolve) => {
      execFile('bash', ['-c', `set -eu\n${script}`], { cwd: here, env }, (error, out, err) =>
        resolve({ failed: error !== null, out: out + err }),
      );
    });
  }

  it(
    'finds log and node in order, with tools that are not ours and with ours',
    async () => {
      const { failed, out } = await run(log);
      expect({ failed, out }).toEqual({ failed: false, out: expect.stringContaining('nonce and entry as asked') });
      expect(out.match(/Signature Verified Successfully/g)).toHaveLength(2);
      expect(out).toContain('Verified OK');
      expect(out.match(/^GOOD: /gm)).toHaveLength(2);
    },
    BUSY_MS,
  );

  it(
    'stops at the cosignature when one letter of it is another',
    async () => {
      const checkpoint = (await textAt(`${log}/checkpoint`)).replace(
        /^(— witness\S* \S{20})(\S)/m,
        (_, start: string, one: string) => `${start}${one === 'A' ? 'B' : 'A'}`,
      );
      const forged = createHttpServer((_, response) => response.end(checkpoint));
      await new Promise<void>((done) => forged.listen(0, '127.0.0.1', done));
      const { failed, out } = await run(`http://127.0.0.1:${(forged.address() as AddressInfo).port}`);
      forged.close();
      forged.closeAllConnections();
      expect({ failed, verified: out.match(/Signature Verified Successfully/g)?.length }).toEqual({ failed: true, verified: 1 });
    },
    BUSY_MS,
  );
});

/** Under the authorities of nodes and witness. */
async function textAt(url: string): Promise<string> {
  const web = await openWeb(authorities);
  try {
    return await web.text(url);
  } finally {
    await web.close();
  }
}

interface Live {
  readonly code: number;
  readonly outcome: string;
  /** Of the nodes, in their order. */
  readonly nodes: readonly Finding[];
}

async function live(what: string): Promise<Live> {
  const { code, out, err } = await holdfast(
    'verify',
    what,
    '--root',
    rootFile,
    '--ca',
    authorities,
    '--allow-simulated',
    '--live',
    '--json',
  );
  if (out === '') throw new Error(err);
  const { outcome, findings } = JSON.parse(out) as Report;
  return { code, outcome, nodes: findings.filter(({ name }) => name.startsWith('live ')) };
}
const results = ({ nodes }: Live) => nodes.map(({ result }) => result);

/** In place of node-2, at its address, while it is down. */
async function inPlaceOfTheSecond<T>(answer: (nonce: string) => Promise<string>, look: () => Promise<T>): Promise<T> {
  const tls = { key: readFileSync(join(folder, 'impostor-key.pem')), cert: readFileSync(join(folder, 'impostor.pem')) };
  const server = createServer(tls, ({ url = '' }, response) => {
    void answer(/nonce=(.*)$/.exec(url)?.[1] ?? '').then((text) => response.end(text));
  });
  await new Promise<void>((done) => server.listen(Number(new URL(urls[1]!).port), '127.0.0.1', done));
  try {
    return await look();
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
const statementOf = (node: number, nonce: string): Promise<string> => textAt(`${urls[node]}/v1/live?nonce=${nonce}`);

describe('verify --live', () => {
  it(
    'is good when every token signs, just now, that its node serves this entry',
    async () => {
      const report = await live(urls[0]!);
      expect({ code: report.code, results: results(report) }).toEqual({ code: 0, results: ['noted', 'noted', 'noted'] });
      expect(report.nodes[0]!.words).toBe(
        'Just now its token signed that it serves this entry. It runs code that nobody measured: for development.',
      );
    },
    BUSY_MS,
  );

  it(
    'could not tell while a node is down; and believes nobody in its place: not another node, not an old answer of its own',
    async () => {
      const old = await statementOf(1, '00'.repeat(32));
      await fleet.stop(2);
      const down = await live(first);
      expect({ code: down.code, outcome: down.outcome, results: results(down) }).toEqual({
        code: 2,
        outcome: 'unknown',
        results: ['noted', 'unknown', 'noted'],
      });
      const others = await inPlaceOfTheSecond(
        (nonce) => statementOf(2, nonce),
        () => live(first),
      );
      expect({ code: others.code, results: results(others) }).toEqual({ code: 1, results: ['noted', 'bad', 'noted'] });
      expect(others.nodes[1]!.words).toContain('another node of the fleet signed it');
      const stale = await inPlaceOfTheSecond(
        async () => old,
        () => live(first),
      );
      expect({ code: stale.code, results: results(stale) }).toEqual({ code: 1, results: ['noted', 'bad', 'noted'] });
      expect(stale.nodes[1]!.words).toContain('an old answer, replayed');
      const nothing = await inPlaceOfTheSecond(
        async () => '{"node":1}',
        () => live(first),
      );
      expect(results(nothing)).toEqual(['noted', 'bad', 'noted']);
      await fleet.start(2);
    },
    BUSY_MS,
  );

  it(
    'is bad when the tokens sign for another entry; and when a node says that it runs code which the entry does not permit',
    async () => {
      const operator = join(fleet.folder, 'operator');
      const config = JSON.parse(readFileSync(join(operator, 'operator.json'), 'utf8')) as { fleets: object[] };
      const measurements = [{ digest: 'cd'.repeat(32), rebuild: 'npm run release' }];
      writeFileSync(join(operator, 'operator.json'), JSON.stringify({ ...config, fleets: [{ ...config.fleets[0], measurements }] }));
      execFileSync(process.execPath, [MAIN, 'fleet', 'publish', '--config', join(operator, 'operator.json')], {
        env: { PATH: process.env['PATH'], ...tokenEnvironment(operator) },
        stdio: 'ignore',
      });
      const earlier = await live(first);
      expect({ code: earlier.code, words: earlier.nodes.map(({ words }) => words) }).toEqual({
        code: 1,
        words: Array.from({ length: 3 }, () => 'The node serves another entry than this one.'),
      });
      await fleet.stop(2);
      // As after its disk was put back: it starts by the entry in its configuration, and hears of the newer one from the others.
      const store = new DatabaseSync(join(fleet.folder, 'node-2', 'data', 'holdfast.db'));
      store.exec('DELETE FROM served');
      store.close();
      const other = await runningOther('ab'.repeat(32));
      try {
        const patience = { timeout: 60_000, interval: 2_000 };
        await expect.poll(async () => (await live(urls[0]!)).nodes[1]?.words, patience).toMatch(/says that it runs/);
        const report = await live(urls[0]!);
        expect({ code: report.code, results: results(report) }).toEqual({ code: 1, results: ['noted', 'bad', 'noted'] });
        expect(report.nodes[1]).toMatchObject({
          words: 'The node says that it runs code which the entry does not permit.',
          evidence: { measurement: 'ab'.repeat(32) },
        });
      } finally {
        other.kill('SIGTERM');
        await once(other, 'close');
      }
    },
    BUSY_MS,
  );
});

/** node-2 with its own token, as a release of which this is the measurement would be started. */
async function runningOther(measurement: string) {
  const home = join(fleet.folder, 'node-2');
  const node = spawn(process.execPath, [MAIN, 'node', 'start', '--config', join(home, 'node.json')], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], ...tokenEnvironment(home), HOLDFAST_MEASUREMENT: measurement },
    stdio: 'ignore',
  });
  for (const endMs = Date.now() + 120_000; Date.now() < endMs; await sleep(500)) {
    if (
      await statementOf(1, '00'.repeat(32)).then(
        () => true,
        () => false,
      )
    )
      return node;
  }
  throw new Error('node-2 does not answer');
}
