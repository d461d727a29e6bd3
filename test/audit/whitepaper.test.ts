/** The audit that docs/whitepaper.md describes is done as it is written there, by a shell, against a log and a node that are served. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MAIN } from '../cli/holdfast.ts';
import { PublishedWorld } from './published.ts';

const document = readFileSync(join(import.meta.dirname, '../../docs/whitepaper.md'), 'utf8');
const audit = document.slice(document.indexOf('\n## Audit'));
const script = [...audit.matchAll(/^ *```sh\n([^`]*)```$/gm)].map(([, block = '']) => block.replace(/^ {3}/gm, '')).join('');

let folder = '';
let server: Server;
let world: PublishedWorld;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-whitepaper-'));
  world = new PublishedWorld();
  await world.publish();
  await world.publish();
  await world.writeLog(join(folder, 'log'));
  writeFileSync(join(folder, 'root.json'), world.roots[0]!);
  const { line } = await world.bundle();
  server = createServer(({ url = '' }, response) => {
    const file = join(folder, url);
    if (url === '/v1/bundle') response.end(line);
    else if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

function run(): Promise<{ readonly failed: boolean; readonly out: string }> {
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { ...process.env, NODE: address, LOG: `${address}/log`, NODE_BINARY: process.execPath, MAIN };
  const whole = `set -eu\nholdfast() { "$NODE_BINARY" "$MAIN" "$@"; }\n${script}`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', whole], { cwd: folder, env }, (error, out, err) => resolve({ failed: error !== null, out: out + err }));
  });
}

it('finds an honest log and node in order', async () => {
  const { failed, out } = await run();
  expect({ failed, out }).toEqual({ failed: false, out: expect.stringContaining('GOOD') });
  expect(out.match(/Signature Verified Successfully/g)).toHaveLength(2);
  expect(out.match(/^GOOD: /gm)).toHaveLength(2);
}, 120_000);

it('stops at the cosignature when one letter of it is another', async () => {
  const checkpoint = await world.checkpoint();
  const forged = checkpoint.replace(
    /^(— witness\.example \S{20})(\S)/m,
    (_, start: string, one: string) => `${start}${one === 'A' ? 'B' : 'A'}`,
  );
  writeFileSync(join(folder, 'log', 'checkpoint'), forged);
  const { failed, out } = await run();
  expect({ failed, verified: out.match(/Signature Verified Successfully/g)?.length }).toEqual({ failed: true, verified: 1 });
}, 120_000);
