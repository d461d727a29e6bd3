/**
 * The client SDK where people use it: bundled, in a page under a strict content security policy, in a real Chromium. The
 * page logs in, deposits and recovers; a page of another origin gets nothing out of the services.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalisePasscode, PASSCODE } from '../../src/client/index.ts';
import { TestFleet } from './fleet.ts';
import type { Order } from './page.ts';

const PAGE = join(import.meta.dirname, 'page.ts');
const NODES = ['node-1', 'node-2', 'node-3'];

let fleet: TestFleet;
let browser: BrowserContext;
let userData: string;
let home: { readonly server: Server; readonly origin: string };
let elsewhere: typeof home;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
  });
  const bundle = outputFiles[0]?.text ?? '';
  [home, elsewhere] = [await serve(bundle), await serve(bundle)];
  const origins = [home.origin];
  fleet = await TestFleet.up(3, (name, config) =>
    name === 'accounts' ? { ...config, origins } : { ...config, public: { ...(config['public'] as object), origins } },
  );
  userData = mkdtempSync(join(tmpdir(), 'holdfast-chromium-'));
  browser = await chromium.launchPersistentContext(userData, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // These TLS certificates and no others: a development fleet's authority is unknown to the browser.
      `--ignore-certificate-errors-spki-list=${NODES.map(spki).join(',')}`,
    ],
  });
}, 180_000);

afterAll(async () => {
  await browser?.close();
  for (const one of [home, elsewhere]) one?.server.close();
  await fleet?.down();
  if (userData !== undefined) rmSync(userData, { recursive: true, force: true });
}, 60_000);

/** SHA-256 of the public key in a node's TLS certificate, in base64. */
function spki(node: string): string {
  const { publicKey } = new X509Certificate(readFileSync(join(fleet.folder, node, 'tls.pem')));
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64');
}

/** A page with the bundle; it may run no code but that, and load nothing. */
async function serve(bundle: string): Promise<typeof home> {
  const server = createServer(({ url }, response) => {
    response.setHeader('content-security-policy', "default-src 'none'; script-src 'self'; connect-src https: http://127.0.0.1:*");
    if (url === '/page.js') response.setHeader('content-type', 'text/javascript').end(bundle);
    else
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><title>holdfast</title><script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function open({ origin }: typeof home): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin);
  return page;
}

const told = () => ({ accounts: fleet.profile.accounts, tenant: fleet.profile.tenant, line: fleet.entry.line });

const act = (page: Page, order: Omit<Order, keyof ReturnType<typeof told>>) =>
  page.evaluate((whole) => globalThis.actInPage(whole), { ...told(), ...order });

describe('the client in a browser', () => {
  it('deposits a key, and a wrong and a right passcode on other devices have their way with it', async () => {
    const key = 'a1'.repeat(32);
    const person = { user: 'alice', passcode: '83120465' };
    const page = await open(home);
    expect(await act(page, { ...person, key })).toEqual({ kind: 'deposited' });
    const other = await open(home);
    expect(await act(other, { ...person, passcode: '00000001' })).toEqual({ kind: 'wrong', guessesLeft: 9 });
    expect(await act(other, person)).toEqual({ kind: 'opened', key });
    // The same deposit opens outside of the browser: one format, one cryptography.
    const recovered = await (await fleet.device('alice', 1)).recover(PASSCODE, normalisePasscode(person.passcode));
    expect(recovered.kind === 'opened' && Buffer.from(recovered.opened.secret).toString('hex')).toBe(key);
  }, 120_000);
});

describe('a page of an origin that is not configured', () => {
  /** The status of the answer, if the page may read it. */
  const read = (page: Page, url: string) =>
    page.evaluate(
      (to) =>
        fetch(to).then(
          ({ status }) => status,
          ({ name }: Error) => name,
        ),
      url,
    );

  it('reads nothing that a node or the account service answers', async () => {
    const [ours, foreign] = [await open(home), await open(elsewhere)];
    const { nodes } = fleet.entry.fleets[0] ?? { nodes: [] };
    for (const url of [`${fleet.profile.accounts}/health`, ...nodes.map((node) => `${node.url.replace(/\/$/, '')}/health`)]) {
      expect(await read(ours, url), url).toBe(200);
      expect(await read(foreign, url), url).toBe('TypeError');
    }
  });

  it('gets no pass', async () => {
    const page = await open(elsewhere);
    await expect(act(page, { user: 'alice', passcode: '83120465' })).rejects.toThrow('Failed to fetch');
  });

  it('cannot ask a node even with a pass that it got hold of', async () => {
    const { pass } = await fleet.login('alice');
    const url = `${fleet.entry.fleets[0]?.nodes[0]?.url.replace(/\/$/, '')}/v1/status`;
    const ask = ([to, bearer]: readonly string[]) =>
      fetch(to ?? '', {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: '{}',
      }).then(
        (response) => response.status,
        (error: Error) => error.name,
      );
    expect(await (await open(elsewhere)).evaluate(ask, [url, pass.reveal()])).toBe('TypeError');
    expect(await (await open(home)).evaluate(ask, [url, pass.reveal()])).toBe(400);
  });
});
