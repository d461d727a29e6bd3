/** Fetching evidence: bounded in bytes and time over all files, from safe addresses only, and nothing is unpacked. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NO_ID, utf8 } from '../../src/base/bytes.ts';
import { hash } from '../../src/wire/signed.ts';
import { fetchEvidence } from '../../src/witness/log/fetch.ts';
import { isSafeUrl } from '../../src/witness/safe-url.ts';

const PAGES: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/small': (response) => response.end('small'),
  '/large': (response) => response.end('x'.repeat(60_000)),
  '/packed': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('small')),
  '/slow': (response) => response.write('begun'),
  '/broken': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half');
    response.destroy();
  },
  '/endless': (response) => {
    const more = () => {
      if (!response.destroyed) response.write('x'.repeat(10_000), () => setImmediate(more));
    };
    more();
  },
};
const server = createServer((request, response) => (PAGES[request.url ?? ''] ?? ((one) => one.writeHead(404).end()))(response));
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const LIMITS = { bytesMax: 100_000, limitMs: 60_000 };
const file = (path: string, attests = false) => ({
  url: path.startsWith('/') ? url + path : path,
  digest: NO_ID,
  about: 'a file',
  attests,
});
const one = async (path: string, limits = LIMITS) => [...(await fetchEvidence([file(path)], limits)).values()][0];

it('gives the digest of what was sent, and the bytes of attestations only', async () => {
  expect(await one('/small')).toEqual({ digest: hash(utf8('small')) });
  const both = await fetchEvidence([file('/small', true), file('/small')], LIMITS);
  expect(both.get(`${url}/small`)).toEqual({ digest: hash(utf8('small')), bytes: Buffer.from('small') });
  expect(await one('/packed')).toEqual({ digest: hash(gzipSync('small')) });
});

it('stops at the bytes that all files together may have', async () => {
  expect(await one('/large')).toHaveProperty('digest');
  expect(await one('/endless')).toEqual({ problem: 'the evidence has more than 100000 bytes' });
  const two = await fetchEvidence([file('/large'), { ...file('/large'), url: `${url}/large#again` }], LIMITS);
  expect([...two.values()]).toContainEqual({ problem: 'the evidence has more than 100000 bytes' });
});

it('stops when the time for all files is up, and says so', async () => {
  expect(await one('/slow', { ...LIMITS, limitMs: 300 })).toEqual({ problem: 'the time was up: 300 ms for all files' });
});

it('says what happened of what breaks off, is not there, or must not be asked', async () => {
  expect(await one('/broken')).toHaveProperty('problem');
  expect(await one('/nowhere')).toEqual({ problem: 'the host answered 404' });
  for (const bad of ['http://example.org/', 'ftp://localhost/', 'file:///etc/passwd', 'https://user:secret@example.org/'])
    expect(await one(bad), bad).toEqual({ problem: 'expected an https URL, or http to this machine' });
});

it.each([
  ['https://example.org/a', true],
  ['http://localhost:1/', true],
  ['http://127.0.0.1/', true],
  ['http://[::1]/', true],
  ['http://127.0.0.2/', false],
  ['http://localhost.example.org/', false],
  ['data:text/plain,x', false],
  ['nonsense', false],
])('%s is safe to ask: %s', (text, safe) => expect(isSafeUrl(text)).toBe(safe));
