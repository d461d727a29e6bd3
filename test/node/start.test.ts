/**
 * A node as the process that a service manager runs: what it refuses to start over, how it stops, and that nobody but the
 * fleet's nodes talks to its peer listener while its TLS key is in the token.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { SOFTHSM_MODULE } from '../../src/ceremony/places.ts';
import { type FleetLayout, type Member, requireLayout } from '../../src/cli/fleet/layout.ts';
import { makeFleetIn } from '../../src/cli/fleet/make.ts';
import { parseEntry } from '../../src/fleet/entry.ts';
import type { ConfigFile } from '../../src/node/config.ts';
import { createNodeKeys } from '../../src/token/index.ts';
import { anchorOf } from '../../src/web/peer-trust.ts';
import { endAll, Node, until } from './process.ts';

/** A node takes seconds to start, on a busy machine many. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const INIT_TOKEN = join(import.meta.dirname, '../../softhsm/init-token.sh');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-node-'));
let layout: FleetLayout;
let first: Member;

beforeAll(async () => {
  await makeFleetIn(folder, 3, () => undefined);
  layout = requireLayout(folder);
  first = layout.nodes[0]!;
  // Nothing here asks with a pass, so no account service has to run: a JWK set of nobody.
  writeFileSync(join(folder, 'jwks.json'), '{"keys":[]}');
});
afterEach(async () => {
  await endAll();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The first node with another configuration. */
function changed(change: (config: ConfigFile) => Partial<ConfigFile>): Node {
  const config = JSON.parse(readFileSync(first.config, 'utf8')) as ConfigFile;
  const { jwksUrl: _, ...passes } = config.passes;
  const local = { ...config, passes: { ...passes, jwksFile: '../jwks.json' } };
  const file = join(first.folder, 'changed.json');
  writeFileSync(file, JSON.stringify({ ...local, ...change(local) }));
  return new Node(first, file);
}

/** The entry as it would be for a fleet on real tokens: it names the code that may run. */
function measuredOnly(): Partial<ConfigFile> {
  const entry = JSON.parse(readFileSync(join(folder, 'fleet-entry.json'), 'utf8'));
  entry.fleets[0].measurements = [{ digest: 'a'.repeat(64), rebuild: 'npm run release' }];
  writeFileSync(join(folder, 'measured.json'), JSON.stringify(entry));
  return { entryFile: '../measured.json' };
}

const status = (path: string, member = first) =>
  new Promise<number>((resolve, reject) => {
    const asked = request(`${member.url}${path}`, { ca: layout.authority, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });

describe('refuses to start, naming the key', () => {
  test.each<[string, RegExp, (config: ConfigFile) => Partial<ConfigFile>]>([
    ['as another node than the token is of', /the entry calls this node by another name/, () => ({ self: 'node-2' })],
    ['with the token of another node', /pinFile|self|token/, (config) => ({ token: { ...config.token, label: 'node-2' } })],
    ['without the address of a peer', /peers: the address of node-2 is missing/, () => ({ peers: { 'node-3': '127.0.0.1:1' } })],
    [
      'with a peer that is of no fleet',
      /peers: the fleet entry names no node node-9/,
      (c) => ({ peers: { ...c.peers, 'node-9': '127.0.0.1:1' } }),
    ],
    ['without a TLS certificate', /public.tlsCertificateFile/, (c) => ({ public: { ...c.public, tlsCertificateFile: 'nowhere.pem' } })],
    ['without an entry', /entryFile: .*nowhere.json cannot be read/, () => ({ entryFile: 'nowhere.json' })],
    ['with what is no JWK set', /passes.jwksFile/, (c) => ({ passes: { ...c.passes, jwksFile: 'pin' } })],
    ['from source where the entry names releases', /started from source, and the fleet entry permits measured code only/, measuredOnly],
    ['as a device that the token is not', /profile|class of token/, (c) => ({ token: { ...c.token, profile: 'thales-luna' } })],
  ])('%s', async (_, message, change) => {
    const node = changed(change);
    expect(await node.end()).toBe(1);
    expect(node.output).toMatch(/error: (configuration|token-un)/);
    expect(node.output).toMatch(message);
    expect(node.output).not.toContain(readFileSync(join(first.folder, 'pin'), 'utf8').trim());
  });

  test('with a PIN that others may read', async () => {
    const pin = join(first.folder, 'pin');
    chmodSync(pin, 0o644);
    const node = changed(() => ({}));
    expect(await node.end()).toBe(1);
    chmodSync(pin, 0o600);
    expect(node.output).toMatch(/token.pinFile: others may read/);
  });

  test('with a token that was reset and given new keys: what was attested is gone', async () => {
    const [tokens, aside, pin] = ['tokens', 'tokens-before', 'pin'].map((name) => join(first.folder, name)) as [string, string, string];
    renameSync(tokens, aside);
    try {
      execFileSync(INIT_TOKEN, [first.folder, 'node-1', join(first.folder, 'so-pin'), pin], { stdio: 'pipe' });
      process.env['SOFTHSM2_CONF'] = join(first.folder, 'softhsm2.conf');
      const label = 'node-1';
      createNodeKeys({ module: SOFTHSM_MODULE, label, pin: new Secret(readFileSync(pin, 'utf8').trim()), pages: 2 });
      const node = changed(() => ({}));
      expect(await node.end()).toBe(1);
      expect(node.output).toMatch(/error: configuration: .*token/);
    } finally {
      rmSync(tokens, { recursive: true, force: true });
      renameSync(aside, tokens);
    }
  });

  test('on an address that is taken', async () => {
    const node = changed(() => ({}));
    await until(async () => (await status('/health')) === 200, node);
    const { port } = new URL(first.url);
    const second = new Node(layout.nodes[1]!, writeTaken(Number(port)));
    expect(await second.end()).toBe(1);
    expect(second.output).toMatch(/cannot listen on 127.0.0.1:\d+ .*EADDRINUSE/);
    expect(await node.end('SIGTERM')).toBe(0);
  });
});

/** The second node with the first one's public port. */
function writeTaken(port: number): string {
  const member = layout.nodes[1]!;
  const config = JSON.parse(readFileSync(member.config, 'utf8')) as ConfigFile;
  const file = join(member.folder, 'taken.json');
  writeFileSync(file, JSON.stringify({ ...config, public: { ...config.public, port } }));
  return file;
}

describe('a node alone', () => {
  test('lives, is not ready, stops when asked, and comes back after being killed', async () => {
    const node = changed(() => ({}));
    await until(async () => (await status('/health')) === 200, node);
    expect(await status('/ready')).toBe(503);
    expect(await status('/v1/fleet')).toBe(200);
    expect(node.output).toMatch(/"msg":"DEVELOPMENT: started from source, no launcher has checked this code"/);
    expect(await node.end('SIGKILL')).toBe('SIGKILL');
    const again = changed(() => ({}));
    await until(async () => (await status('/health')) === 200, again);
    expect(await again.end('SIGTERM')).toBe(0);
    expect(again.output).toMatch(/"stopped"/);
  });

  test('stops within its time although a client holds a connection', async () => {
    const node = changed(() => ({ shutdownMs: 500 }));
    await until(async () => (await status('/health')) === 200, node);
    const url = new URL(first.url);
    const socket = connect({ host: url.hostname, port: Number(url.port), ca: layout.authority });
    socket.on('error', () => undefined);
    socket.write('POST /v1/status HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n');
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const asked = Date.now();
    expect(await node.end('SIGTERM')).toBe(0);
    expect(Date.now() - asked).toBeLessThan(5000);
  });

  test('shows its peers a leaf of its identity key, whose TLS key is in the token, and wants theirs', async () => {
    const node = changed(() => ({}));
    await until(async () => (await status('/health')) === 200, node);
    const { nodes } = parseEntry(readFileSync(join(folder, 'fleet-entry.json'), 'utf8')).fleets[0]!.fleet;
    const { peer } = JSON.parse(readFileSync(first.config, 'utf8')) as ConfigFile;
    const shake = async (ca: string) =>
      new Promise<{ error: string; leaf: PeerCertificate }>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: peer.port, ca, checkServerIdentity: () => undefined });
        let leaf = {} as PeerCertificate;
        socket.once('secureConnect', () => {
          leaf = socket.getPeerCertificate();
        });
        socket.on('error', (error) => resolve({ error: (error as NodeJS.ErrnoException).code ?? '', leaf }));
        socket.once('close', () => resolve({ error: 'closed', leaf }));
      });
    const own = await shake(await anchorOf(nodes[0]!));
    expect(own.leaf.issuer).toEqual({ CN: nodes[0]!.id });
    expect(own.error).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    expect((await shake(await anchorOf(nodes[1]!))).error).toMatch(/UNABLE_TO|SELF_SIGNED/);
    expect(await node.end('SIGTERM')).toBe(0);
  });
});
