/** Connections at the level of TCP and TLS to node 1, and what they make it spend: time, memory, calls of the token, writes. */
import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, expect } from 'vitest';
import { residentMiB } from '../../../scripts/bench/proc.ts';
import { fleet, LIMITS } from './world.ts';

export const portOf = (listener: 'public' | 'peer' | 'metrics'): number => (fleet.config('node-1')[listener] as { port: number }).port;
/** What the machine takes to notice. */
export const boundMs = LIMITS.requestLimitMs + 4000;
/** What a garbage collector leaves lying about, and no flood may exceed. */
export const GROWTH_MIB_MAX = 192;

const open = new Set<Socket>();
/** Called first in a file: no connection outlives its test. */
export function closeAfterEach(): void {
  afterEach(() => {
    for (const socket of open) socket.destroy();
    open.clear();
  });
}

function kept<S extends Socket>(socket: S): S {
  open.add(socket.on('error', () => undefined));
  return socket;
}

/** @param from an address of the loopback @returns nothing when it was not let in */
export function dial(
  from = '127.0.0.1',
  own: ConnectionOptions = {},
  listener: 'public' | 'peer' = 'public',
): Promise<TLSSocket | undefined> {
  return new Promise((resolve) => {
    // tls.connect hands on to net.connect what it does not know itself: this is one of those.
    const options = { host: '127.0.0.1', port: portOf(listener), localAddress: from, rejectUnauthorized: false, ...own };
    const socket = connect(options as ConnectionOptions, () => resolve(socket));
    kept(socket).once('close', () => resolve(undefined));
  });
}

/** It reads, or it would not see that it was closed. */
export const dialTcp = (port: number, from = '127.0.0.1'): Socket =>
  kept(createConnection({ host: '127.0.0.1', port, localAddress: from })).resume();

/** On a busy machine a handshake takes longer, now and then, than the node waits for one. */
export async function dialled(...how: Parameters<typeof dial>): Promise<TLSSocket> {
  return (await dial(...how)) ?? (await dial(...how)) ?? (await dial(...how)) ?? expect.fail('it was not let in');
}

/** @returns how long the node kept the connection */
export async function heldMs(socket: Socket): Promise<number> {
  const began = Date.now();
  socket.resume();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return Date.now() - began;
}

/** Everything that the socket says until it closes, or until so much was said. */
export async function heard(socket: Socket, lengthMax = Number.POSITIVE_INFINITY): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.length >= lengthMax) resolve();
    });
    socket.once('close', () => resolve());
  });
  return text;
}

/** Bodies of a gigabyte begin on all of them, and go on as fast as they are taken, until the node has had enough. */
export async function pourInto(sockets: readonly (Socket | undefined)[], head: string): Promise<void> {
  const chunk = 'x'.repeat(1 << 16);
  await Promise.all(
    sockets.map(async (socket) => {
      if (socket === undefined) return;
      socket.write(`${head}content-length: ${1 << 30}\r\n\r\n`);
      const pour = setInterval(() => !socket.writableNeedDrain && socket.write(chunk), 5);
      await Promise.race([heldMs(socket), sleep(boundMs)]);
      clearInterval(pour);
    }),
  );
}

/** Of headers that are too many. What lies unread when the node closes resets the connection, and the reset may overtake its answer. */
export const TOO_MUCH = /^(HTTP\/1\.1 431 |$)/;

export async function numbers(): Promise<{ tokenCalls: number; commits: number }> {
  const text = await (await fetch(`http://127.0.0.1:${portOf('metrics')}/metrics`)).text();
  const of = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { tokenCalls: of('holdfast_token_calls_total'), commits: of('holdfast_commit_sequence') };
}

/** @returns by how much the memory of node 1 grew at most */
export async function growthOf(flood: () => Promise<unknown>): Promise<number> {
  const pid = Number(readFileSync(join(fleet.folder, 'node-1', 'pid'), 'utf8'));
  const before = residentMiB(pid);
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMiB(pid));
  }, 50);
  await flood().finally(() => clearInterval(watch));
  return peak - before;
}
