/**
 * What a stranger can make a node spend, in figures that are measured on a real process: time, connections, memory, calls of the
 * token, writes. Law 5: refused, and nothing changes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { type Json, verdict } from '../raw.ts';
import {
  boundMs,
  closeAfterEach,
  dial,
  dialled,
  dialTcp,
  GROWTH_MIB_MAX,
  growthOf,
  heard,
  heldMs,
  numbers,
  portOf,
  pourInto,
  TOO_MUCH,
} from './sockets.ts';
import { alice, asked, LIMITS, PEER_LIMITS, stage, standingOf } from './world.ts';

stage();

closeAfterEach();

const head = (more: string) =>
  `POST /v1/status HTTP/1.1\r\nhost: node\r\nauthorization: Bearer ${alice.raw.pass}\r\ncontent-type: application/json\r\n${more}`;

describe('what is sent slowly is cut off when its time is up:', () => {
  it('a body that trickles in', async () => {
    const body = JSON.stringify({ ...alice.raw.caller, request: await alice.raw.request() });
    const socket = await dialled();
    socket.write(head(`content-length: ${body.length}\r\n\r\n`));
    let at = 0;
    const trickle = setInterval(() => socket.write(body[at++] ?? ''), 50);
    const ms = await heldMs(socket);
    clearInterval(trickle);
    expect(ms).toBeGreaterThan(LIMITS.requestLimitMs - 200);
    expect(ms).toBeLessThan(boundMs);
  });

  it('headers that trickle in, and a connection that says nothing', async () => {
    const socket = await dialled();
    socket.write('POST /v1/status HTTP/1.1\r\n');
    const trickle = setInterval(() => socket.write('x: y\r\n'), 50);
    expect(await heldMs(socket)).toBeLessThan(boundMs);
    clearInterval(trickle);
    expect(await heldMs(await dialled())).toBeLessThan(boundMs);
  });

  it('a TLS handshake that does not come, at both listeners', async () => {
    const ms = await Promise.all([heldMs(dialTcp(portOf('public'))), heldMs(dialTcp(portOf('peer')))]);
    for (const one of ms) expect(one).toBeLessThan(boundMs);
  });
});

describe('connections', () => {
  const letIn = async (count: number, from: string): Promise<TLSSocket[]> => {
    const all = await Promise.all(Array.from({ length: count }, () => dial(from)));
    return all.filter((socket) => socket !== undefined && !socket.destroyed) as TLSSocket[];
  };

  it('of one address are bounded, and others are served meanwhile', async () => {
    const crowd = await letIn(60, '127.0.0.2');
    expect(crowd.length).toBeGreaterThan(10);
    expect(crowd.length).toBeLessThanOrEqual(LIMITS.connectionsPerAddressMax);
    expect(verdict(await alice.raw.ask('status', { request: await alice.raw.request() }))).toBe('said by 3');
  });

  it('of all addresses are bounded, and when they are gone people are served', async () => {
    const crowds = await Promise.all(['127.0.0.3', '127.0.0.4', '127.0.0.5'].map((from) => letIn(30, from)));
    expect(crowds.flat().length).toBeLessThanOrEqual(LIMITS.connectionsMax);
    await sleep(boundMs);
    for (const socket of crowds.flat()) socket.destroy();
    expect(verdict(await alice.raw.ask('status', { request: await alice.raw.request() }))).toBe('said by 3');
  });

  it('of a stranger at the peer listener are bounded, and the nodes speak with each other meanwhile', async () => {
    const crowd = Array.from({ length: 80 }, () => dialTcp(portOf('peer'), '127.0.0.6'));
    await sleep(PEER_LIMITS.handshakeLimitMs / 3);
    expect(crowd.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(PEER_LIMITS.strangersPerAddressMax);
    expect(verdict(await alice.raw.ask('status', { request: await alice.raw.request() }))).toBe('said by 3');
  });
});

describe('headers', () => {
  it.each([
    ['one of 20 kB', `x: ${'x'.repeat(20_000)}\r\n`],
    ['of 16 kB in all', `x: ${'x'.repeat(100)}\r\n`.repeat(170)],
    ['two thousand', Array.from({ length: 2_000 }, (_, i) => `h${i}: ${i}\r\n`).join('')],
    ['of which one never ends', `x: ${'x'.repeat(200_000)}`],
  ])('%s are refused before anything is made of them', async (_, more) => {
    const socket = await dialled();
    socket.write(head(`${more}\r\n`));
    expect(await heard(socket)).toMatch(TOO_MUCH);
  });

  it.each([
    ['a second length', 'content-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    ['a length beside chunks', 'content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['chunks under another name', 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
  ])('%s, by which two parsers would see two requests, are refused', async (_, more) => {
    const socket = await dialled();
    socket.write(head(more));
    expect(await heard(socket)).toMatch(/^HTTP\/1\.1 (400|501) /);
  });
});

describe('requests without a pass', () => {
  const bodies = async (): Promise<readonly (readonly [operation: string, body: Json])[]> => [
    ['status', { request: await alice.raw.request() }],
    ['attempt', asked(alice, 'attempt')],
    ['register', asked(alice, 'register')],
    ['activate', { standing: standingOf(alice) }],
    ['confirm', { confirmed: asked(alice, 'confirm')['confirmed'] }],
  ];

  it('cost no call of the token and no write, however many', async () => {
    const before = await numbers();
    for (const pass of ['Basic YTpi', 'Bearer a.b.c', `Bearer ${alice.raw.pass.slice(0, -8)}AAAAAAAA`]) {
      for (const [operation, body] of await bodies()) {
        const said = await Promise.all(Array.from({ length: 5 }, () => alice.raw.ask(operation, body, { authorization: pass })));
        for (const one of said) expect(verdict(one)).toBe('401 pass-refused');
      }
    }
    expect(await numbers()).toEqual(before);
    // With a pass it does cost one: these numbers can tell.
    await alice.raw.ask('status', { request: await alice.raw.request() });
    expect((await numbers()).tokenCalls).toBeGreaterThan(before.tokenCalls);
  }, 120_000);

  it('are refused before their body is read', async () => {
    const socket = await dialled();
    socket.write(`POST /v1/attempt HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n`);
    expect(await heard(socket, 12)).toMatch(/^HTTP\/1\.1 401/);
  });
});

describe('memory', () => {
  it('is bounded under bodies that are too large, from as many connections as there may be', async () => {
    const flood = async (): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: LIMITS.connectionsPerAddressMax - 8 }, () => dial()));
      await pourInto(sockets, head(''));
    };
    expect(await growthOf(flood)).toBeLessThan(GROWTH_MIB_MAX);
  });

  it('is bounded under thousands of requests in one go, whose answers nobody reads', async () => {
    const one = 'GET /openapi.json HTTP/1.1\r\nhost: node\r\n\r\n';
    const flood = async (): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: 8 }, () => dial()));
      for (const socket of sockets) {
        socket?.pause();
        socket?.write(one.repeat(3_000));
      }
      await sleep(3_000);
    };
    expect(await growthOf(flood)).toBeLessThan(GROWTH_MIB_MAX);
    expect(verdict(await alice.raw.ask('status', { request: await alice.raw.request() }))).toBe('said by 3');
  });
});
