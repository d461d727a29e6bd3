/**
 * The page that verifies, where people open it: in a real Chromium, beside published evidence and as a file, against nodes and a
 * witness that run. It comes to the same findings as the command, and what is not so it does not show as good.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildVerifyPage } from '../../scripts/pages/build.ts';
import { checkNames } from '../../src/trust/check.ts';
import { holdfastJson } from '../cli/holdfast.ts';
import { TestFleet } from './fleet.ts';

const BUSY_MS = 300_000;
const PROJECT = join(import.meta.dirname, '../..');
let fleet: TestFleet;
let folder: string;
let site: { readonly server: Server; readonly url: string };
let browser: BrowserContext;
/** Of the publication in the site. */
let place: string;
let log: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-page-'));
  fleet = await TestFleet.up(3, undefined, 'over-the-air');
  writeFileSync(join(folder, 'verify.html'), await buildVerifyPage(PROJECT));
  const published = await holdfastJson(
    'fleet',
    'evidence',
    '--publish',
    join(folder, 'site'),
    '--dir',
    fleet.folder,
    '--page',
    join(folder, 'verify.html'),
  );
  place = (published as { folder: string }).folder;
  log = (JSON.parse(readFileSync(join(folder, 'site', place, 'publication.json'), 'utf8')) as { log: string }).log;
  site = await serve(join(folder, 'site'));
  browser = await chromium.launchPersistentContext(join(folder, 'chromium'), {
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: [
      ...[
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
      `--ignore-certificate-errors-spki-list=${['node-1', 'node-2', 'node-3', 'witness'].map(spki).join(',')}`,
    ],
  });
}, BUSY_MS);

afterAll(async () => {
  await browser?.close();
  site?.server.close();
  site?.server.closeAllConnections();
  await fleet?.down();
  rmSync(folder, { recursive: true, force: true });
}, BUSY_MS);

function spki(member: string): string {
  const { publicKey } = new X509Certificate(readFileSync(join(fleet.folder, member, 'tls.pem')));
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64');
}

/** As any web server does it. */
async function serve(root: string): Promise<typeof site> {
  const server = createServer(({ url = '' }, response) => {
    const file = join(root, url);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return void response.writeHead(404).end();
    if (file.endsWith('.html')) response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

interface Shown {
  readonly outcome: string;
  /** "witness: good" and so on. */
  readonly checks: readonly string[];
  readonly text: string;
}

/** What a person fills in; the rest is as the page has it. */
async function check(address: string, fill: (page: Page) => Promise<void> = async () => undefined): Promise<Shown> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(address);
  await page.setInputFiles('#root', join(fleet.folder, 'root.json'));
  await page.check('#simulated');
  await fill(page);
  await page.click('button[type=submit]');
  await page.waitForSelector('#outcome', { timeout: 60_000 });
  const shown = {
    outcome: (await page.getAttribute('#outcome', 'data-outcome')) ?? '',
    checks: await page.locator('#results h3').allInnerTexts(),
    text: (await page.textContent('main')) ?? '',
  };
  await page.close();
  expect(errors).toEqual([]);
  return shown;
}

const PAGE = (): string => `${site.url}/${place}/verify.html`;

describe('the page beside published evidence', () => {
  it(
    'shows every check: its name, its result, why, what it means and what it does not prove',
    async () => {
      const { outcome, checks, text } = await check(PAGE());
      expect(outcome).toBe('good');
      expect(checks.map((one) => one.split(':')[0])).toEqual([...checkNames, 'files', 'list']);
      expect(checks).toContain('simulated: to be known');
      expect(text).toContain('The witness audited the log and cosigned it at ');
      expect(text).toMatch(/The operator \(\S+\) signed the list of files at /);
      expect(text.match(/What it means: /g)).toHaveLength(checks.length);
      expect(text.match(/What it does not prove: /g)).toHaveLength(checks.length);
      expect(text).toContain('A page that the audited party serves proves less than the command run from elsewhere');
    },
    BUSY_MS,
  );

  it(
    'asks every node, and replays the log from its tiles',
    async () => {
      const { outcome, checks } = await check(PAGE(), async (page) => {
        await page.check('#live');
        await page.fill('#log', log);
      });
      expect(checks).toEqual(
        expect.arrayContaining(['live node-1: to be known', 'live node-3: to be known', 'entry 0: good', 'tree: good', 'tiles: good']),
      );
      expect(outcome).toBe('good');
    },
    BUSY_MS,
  );

  it(
    'says which file was changed',
    async () => {
      const changed = join(folder, 'changed');
      cpSync(join(folder, 'site'), changed, { recursive: true });
      const file = join(changed, place, 'VERIFY.txt');
      writeFileSync(file, readFileSync(file, 'utf8').replace('this text comes from whom you audit', 'trust us'));
      const there = await serve(changed);
      try {
        const { outcome, checks } = await check(`${there.url}/${place}/verify.html`);
        expect({ outcome, bad: checks.filter((one) => one.endsWith('BAD')) }).toEqual({ outcome: 'bad', bad: ['file VERIFY.txt: BAD'] });
      } finally {
        there.server.close();
        there.server.closeAllConnections();
      }
    },
    BUSY_MS,
  );

  it(
    'refuses simulated tokens unless they are allowed, a root that is not theirs, and what is no root',
    async () => {
      expect(await check(PAGE(), (page) => page.uncheck('#simulated'))).toMatchObject({
        outcome: 'bad',
        checks: expect.arrayContaining(['simulated: BAD']),
      });
      const other = join(folder, 'other-root.json');
      writeFileSync(other, readFileSync(join(fleet.folder, 'root.json'), 'utf8').replace('"version":1', '"version":2'));
      for (const file of [other, join(fleet.folder, 'ca.pem')]) {
        const { outcome, checks } = await check(PAGE(), (page) => page.setInputFiles('#root', file));
        expect({ outcome, roots: checks.includes('roots: BAD') }).toEqual({ outcome: 'bad', roots: true });
      }
    },
    BUSY_MS,
  );
});

describe('the page as a file', () => {
  const asFile = (): string => `file://${join(folder, 'verify.html')}`;

  it(
    'checks a bundle that was saved, without a network; and asks nodes at their addresses',
    async () => {
      const saved = await check(asFile(), (page) => page.setInputFiles('#file', join(folder, 'site', place, 'bundle.json')));
      expect(saved.outcome).toBe('good');
      const [node] = fleet.entry.fleets[0]!.nodes;
      const asked = await check(asFile(), async (page) => {
        await page.fill('#address', node!.url);
        await page.check('#live');
      });
      expect(asked.outcome).toBe('good');
      expect(asked.checks).toContain('live node-2: to be known');
    },
    BUSY_MS,
  );

  it(
    'cannot tell while a node is down',
    async () => {
      await fleet.stop(3);
      const { outcome, checks } = await check(asFile(), async (page) => {
        await page.setInputFiles('#file', join(folder, 'site', place, 'bundle.json'));
        await page.check('#live');
      });
      expect({ outcome, checks }).toEqual({
        outcome: 'unknown',
        checks: expect.arrayContaining(['live node-3: COULD NOT TELL', 'live node-1: to be known']),
      });
      await fleet.start(3);
    },
    BUSY_MS,
  );
});

describe('any page', () => {
  it(
    'reads what is public of nodes and witness, and nothing else of a node',
    async () => {
      const page = await browser.newPage();
      await page.goto(`${site.url}/index.html`);
      const { url } = fleet.entry.fleets[0]!.nodes[0]!;
      // The published page loads nothing; its policy is its own. Fetched from a page without one.
      await page.goto(`${site.url}/feed.xml`);
      const read = (to: string, headers: Record<string, string> = {}) =>
        page.evaluate(
          ([address, more]) =>
            fetch(address as string, { headers: more as Record<string, string> }).then(
              ({ status }) => status,
              ({ name }: Error) => name,
            ),
          [to, headers] as const,
        );
      expect(await read(`${url}/v1/bundle`)).toBe(200);
      expect(await read(`${url}/v1/live?nonce=${'ab'.repeat(32)}`)).toBe(200);
      for (const path of ['checkpoint', 'tile/entries/000.p/1', 'tile/0/000.p/1'])
        expect([path, await read(`${log}/${path}`)]).toEqual([path, 200]);
      expect(await read(`${url}/health`)).toBe('TypeError');
      // The header by which clients name the bundle they have is for pages of configured origins.
      expect(await read(`${url}/v1/bundle`, { 'holdfast-bundle': '0'.repeat(64) })).toBe('TypeError');
      await page.close();
    },
    BUSY_MS,
  );
});
