/** A call goes through one node after the other: what one of them claims, nobody has signed. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { FleetHttp } from '../../src/client/fleet-http.ts';
import { fetchWith } from '../../src/client/node/index.ts';
import { PASSCODE } from '../../src/vault/slot.ts';

const statement = { bytes: Uint8Array.of(1), signature: new Uint8Array(64) };
const credentials = { pass: new Secret('pass'), clientKey: Uint8Array.of(2, ...new Uint8Array(32)), way: PASSCODE };
const refusal = (code: string) => Response.json({ error: { code, message: 'no', evidence: {}, next: 'nothing' } }, { status: 400 });
const answer = () => Response.json({ said: [], refused: [] });

const hangs = (): Promise<Response> => new Promise(() => undefined);

function through(nodes: Readonly<Record<string, () => Response | Promise<Response>>>, limitMs = 10_000): Promise<unknown> {
  const urls = Object.keys(nodes);
  const fetch = (url: string, { signal }: RequestInit): Promise<Response> => {
    const late = new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    return Promise.race([late, Promise.resolve(nodes[new URL(url).origin]!())]);
  };
  return new FleetHttp({ urls, fetch }).call('status', credentials, { request: statement }, limitMs);
}

test('one node that refuses every pass keeps nobody from the others', async () => {
  for (const code of ['pass-refused', 'malformed', 'request-expired']) {
    expect(await through({ 'https://a': () => refusal(code), 'https://b': answer })).toEqual({ said: [], refused: [] });
  }
});

test('what concerns the request itself is said when no node takes it', async () => {
  const nodes = {
    'https://a': () => refusal('overloaded'),
    'https://b': () => refusal('pass-refused'),
    'https://c': () => refusal('malformed'),
  };
  await expect(through(nodes)).rejects.toMatchObject({ code: 'pass-refused' });
  await expect(through({ 'https://a': () => refusal('overloaded') })).rejects.toMatchObject({ code: 'no-quorum' });
});

test('a node that hangs is gone round, long before the time is up', async () => {
  const began = performance.now();
  expect(await through({ 'https://a': hangs, 'https://b': answer }, 60_000)).toEqual({ said: [], refused: [] });
  expect(performance.now() - began).toBeLessThan(30_000);
});

test('one that is slow is believed before one that hangs: the first answer counts, whoever was asked first', async () => {
  const slowly = (): Promise<Response> => new Promise((resolve) => setTimeout(() => resolve(answer()), 3_500));
  expect(await through({ 'https://a': slowly, 'https://b': hangs, 'https://c': hangs }, 60_000)).toEqual({ said: [], refused: [] });
});

test('when all hang, the call ends with its time', async () => {
  await expect(through({ 'https://a': hangs, 'https://b': hangs }, 200)).rejects.toMatchObject({ code: 'no-quorum' });
});

test('a node whose answer does not end fills no memory, and is passed over', async () => {
  let sent = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          sent += 1;
          if (sent > 640) controller.error(new Error('it was read for ever'));
          else controller.enqueue(new Uint8Array(1 << 16).fill(0x20));
        },
      }),
    );
  expect(await through({ 'https://a': endless, 'https://b': answer })).toEqual({ said: [], refused: [] });
  expect(sent).toBeLessThan(100);
});

test('a node that hangs in the handshake does not keep the program from its end', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const web = fetchWith();
  const { port } = server.address() as AddressInfo;
  await expect(web.fetch(`https://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
  const began = performance.now();
  await web.close();
  expect(performance.now() - began).toBeLessThan(5_000);
  server.close();
});
