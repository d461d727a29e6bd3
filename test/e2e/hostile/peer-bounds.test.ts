/**
 * What a node whose host is somebody else's can make another one spend at its peer listener: it shows a TLS certificate of this
 * fleet, so it gets further than strangers, and no further than its part. In figures that are measured on a real process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url } from '../../../src/base/bytes.ts';
import { Secret } from '../../../src/base/secret.ts';
import { clientKeyId } from '../../../src/vault/client-key.ts';
import { verdict } from '../raw.ts';
import { boundMs, closeAfterEach, dial, dialled, GROWTH_MIB_MAX, growthOf, heard, heldMs, numbers, pourInto, TOO_MUCH } from './sockets.ts';
import { Traitor } from './traitor.ts';
import { alice, fleet, PEER_LIMITS, stage } from './world.ts';

stage();
closeAfterEach();

/** The other two of three share them. */
const PART = PEER_LIMITS.connectionsMax / 2;

let traitor: Traitor;
beforeAll(async () => {
  traitor = await Traitor.of(fleet, 3);
}, 180_000);
afterAll(() => traitor?.close());

const peer = (from?: string): Promise<TLSSocket> => dialled(from, traitor.credentials.current(), 'peer');
const head = (more: string, operation = 'changes') =>
  `POST /peer/v1/${operation} HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\n${more}`;
const page = '{"after":0,"limit":200}';
const whole = head(`content-length: ${page.length}\r\n\r\n${page}`);
const said = async (bytes: string | Buffer): Promise<string> => {
  const socket = await peer();
  socket.write(bytes);
  return heard(socket, 12);
};
const serves = async () => expect(verdict(await alice.raw.ask('status', { request: await alice.raw.request() }))).toBe('said by 2');

describe('at the peer listener, to a node of the fleet,', () => {
  it('a question is answered, so that the refusals below have their own reasons', async () => {
    expect(await said(whole)).toMatch(/^HTTP\/1\.1 200/);
  });

  it('a body that trickles in, headers that trickle in, and a connection that says nothing are cut off when their time is up', async () => {
    const trickling = async (start: string, more: string): Promise<number> => {
      const socket = await peer();
      socket.write(start);
      const trickle = setInterval(() => socket.write(more), 50);
      return heldMs(socket).finally(() => clearInterval(trickle));
    };
    const held = await Promise.all([
      trickling(head('content-length: 100000\r\n\r\n'), ' '),
      trickling('POST /peer/v1/changes HTTP/1.1\r\n', 'x: y\r\n'),
      peer().then(heldMs),
    ]);
    for (const ms of held) expect(ms).toBeLessThan(boundMs);
    expect(Math.min(...held.slice(0, 2))).toBeGreaterThan(PEER_LIMITS.requestLimitMs - 200);
  });

  it.each([
    ['one header of 20 kB', `x: ${'x'.repeat(20_000)}\r\n`],
    ['headers of 16 kB in all', `x: ${'x'.repeat(100)}\r\n`.repeat(170)],
    ['two thousand headers', Array.from({ length: 2_000 }, (_, i) => `h${i}: ${i}\r\n`).join('')],
    ['a header that never ends', `x: ${'x'.repeat(200_000)}`],
  ])('%s: refused before anything is made of it', async (_, more) => {
    expect(await said(head(`${more}\r\n`))).toMatch(TOO_MUCH);
  });

  it.each([
    ['a compressed body', 'content-encoding: gzip\r\n', gzipSync(page), /^HTTP\/1\.1 400/],
    ['a body of another type', 'content-type: text/plain\r\n', Buffer.from(page), /^HTTP\/1\.1 400/],
    ['a length beside chunks', 'transfer-encoding: chunked\r\n', Buffer.from('0\r\n\r\n'), /^HTTP\/1\.1 400/],
    ['a second length', 'content-length: 3\r\n', Buffer.from(page), /^HTTP\/1\.1 400/],
  ])('%s: refused', async (_, more, body, expected) => {
    const start = head(`${more}content-length: ${body.length}\r\n\r\n`).replace(
      more.startsWith('content-type') ? 'content-type: application/json\r\n' : '',
      '',
    );
    expect(await said(Buffer.concat([Buffer.from(start), body]))).toMatch(expected);
  });

  it('the part of one node is all that it gets of the connections, and the others speak with each other meanwhile', async () => {
    const crowd = await Promise.all(
      Array.from({ length: PART + 20 }, (_, i) => dial(`127.0.0.${2 + (i % 20)}`, traitor.credentials.current(), 'peer')),
    );
    await sleep(PEER_LIMITS.requestLimitMs / 3);
    expect(crowd.filter((socket) => socket !== undefined && !socket.closed).length).toBeLessThanOrEqual(PART);
    await serves();
  });

  it('questions without a good pass cost no call of the token and no write', async () => {
    const { place, clientKey } = alice.raw;
    const { signed, signature } = await alice.raw.request();
    const pass = new Secret(`${alice.raw.pass.slice(0, -8)}AAAAAAAA`);
    const caller = { place, clientKey: clientKey.publicKey, clientKeyId: clientKeyId(clientKey.publicKey), pass };
    const request = { bytes: fromBase64url(signed), signature: fromBase64url(signature) };
    const node1 = await traitor.at(1);
    const before = await numbers();
    const asked = await Promise.all(
      Array.from({ length: 50 }, () => node1.ask({ op: 'status', caller, request }).catch(({ code }: { code: string }) => code)),
    );
    expect(new Set(asked)).toEqual(new Set(['pass-refused']));
    expect(await numbers()).toEqual(before);
    // With a pass it does cost one: these numbers can tell.
    await node1.ask({ op: 'status', caller: { ...caller, pass: new Secret(alice.raw.pass) }, request });
    expect((await numbers()).tokenCalls).toBeGreaterThan(before.tokenCalls);
  });
});

describe('memory', () => {
  it('is bounded under bodies that are too large, from as many connections as one node may have', async () => {
    const flood = async (): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: PART }, () => dial(undefined, traitor.credentials.current(), 'peer')));
      await pourInto(sockets, head(''));
    };
    expect(await growthOf(flood)).toBeLessThan(GROWTH_MIB_MAX);
    await serves();
  });

  it('is bounded under thousands of questions in one go: a second one before the first is answered ends the connection', async () => {
    let answers = 0;
    const flood = async (): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: 16 }, () => peer()));
      const texts = await Promise.all(
        sockets.map((socket) => {
          socket.write(whole.repeat(3_000));
          return heard(socket);
        }),
      );
      answers = texts.map((text) => text.split('HTTP/1.1 200').length - 1).reduce((a, b) => a + b, 0);
    };
    const before = await numbers();
    expect(await growthOf(flood)).toBeLessThan(GROWTH_MIB_MAX);
    expect(answers).toBeLessThanOrEqual(16);
    expect((await numbers()).commits).toBe(before.commits);
    await serves();
  });
});
