/** A store that hangs: a backup to it ends, with what happened, wherever in a conversation the store falls silent. One that is slow is waited for. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { s3Target } from '../../../src/backup/s3.ts';
import { Secret } from '../../../src/base/secret.ts';
import { all, inPieces } from '../streams.ts';

const STALL_MS = 500;
const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** @param serve what it does with each connection @returns a target there */
async function store(serve: (socket: Socket) => void, stallMs = STALL_MS, partBytes = 5 << 20) {
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const endpoint = new URL(`http://127.0.0.1:${port}`);
  const settings = { endpoint, region: 'r', accessKeyId: 'a', secretAccessKey: new Secret('s'), bucket: 'bucket', prefix: '' };
  return s3Target({ ...settings, stallMs, partBytes });
}

const refused = { code: 'unreachable' };
const bytes = (length: number) => inPieces(Buffer.alloc(length, 'x'), 1 << 20);
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf of it';

describe('a store that takes a connection and', () => {
  it('never answers', async () => {
    const target = await store((socket) => void socket.resume());
    await expect(target.exists('name')).rejects.toMatchObject(refused);
    await expect(target.write('name', bytes(10))).rejects.toMatchObject(refused);
    await expect(all(target.read('name'))).rejects.toMatchObject(refused);
  }, 60_000);

  it('never reads', async () => {
    const target = await store((socket) => void socket.pause());
    await expect(target.write('name', bytes((5 << 20) - 1))).rejects.toMatchObject(refused);
  }, 60_000);

  it('says half of an answer and no more', async () => {
    const target = await store((socket) => void socket.once('data', () => void socket.write(OK)));
    await expect(all(target.read('name'))).rejects.toMatchObject(refused);
  });

  it('breaks off in the middle of an answer', async () => {
    const target = await store((socket) => void socket.once('data', () => void socket.end(OK)));
    await expect(all(target.read('name'))).rejects.toMatchObject(refused);
  });

  it('begins an upload and says nothing of its parts', async () => {
    const begun = '<UploadId>one</UploadId>';
    const target = await store((socket) => {
      socket.once('data', (head) => {
        if (String(head).startsWith('POST')) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${begun.length}\r\n\r\n${begun}`);
        socket.resume();
      });
    });
    await expect(target.write('name', bytes(11 << 20))).rejects.toMatchObject(refused);
  }, 60_000);
});

it('a store that is slow, and never stops, is waited for', async () => {
  const pieces = 20;
  const target = await store((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces}\r\n\r\n`);
      let said = 0;
      const saying = setInterval(() => {
        socket.write('x');
        said += 1;
        if (said === pieces) clearInterval(saying);
      }, STALL_MS / 5);
    });
  });
  const began = Date.now();
  expect((await all(target.read('name'))).toString()).toBe('x'.repeat(pieces));
  expect(Date.now() - began).toBeGreaterThan(2 * STALL_MS);
}, 60_000);

it('a store that takes a part slowly, and never stops, is waited for, and gets it once', async () => {
  const [stallMs, total] = [4_000, 24 << 20];
  let requests = 0;
  const target = await store(
    (socket) => {
      requests += 1;
      let read = 0;
      // The first half at little more than a megabyte in a second; the rest as it comes, because by then the machine holds it.
      const reading = setInterval(() => {
        const slow = read < total / 2;
        const chunk: Buffer | null = socket.read(slow ? Math.min(131_072, socket.readableLength) : undefined);
        read += chunk?.length ?? 0;
        if (!slow) socket.on('data', (more: Buffer) => end(more.length));
        if (!slow) clearInterval(reading);
      }, 100);
      const end = (length: number) => {
        read += length;
        if (read >= total) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      };
    },
    stallMs,
    total + 1,
  );
  const began = Date.now();
  const told: number[] = [];
  await target.write('name', bytes(total), (count) => told.push(count));
  expect(Date.now() - began).toBeGreaterThan(2 * stallMs);
  expect([requests, told.at(-1)]).toEqual([1, total]);
}, 60_000);

it('an error document without an end is cut', async () => {
  const target = await store((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n');
      const chunk = `10000\r\n${'<Code>Bad</Code>'.repeat(4096)}\r\n`;
      const pour = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on('drain', pour);
      pour();
    });
  });
  await expect(target.exists('name')).rejects.toMatchObject({ code: 'system' });
  await expect(target.write('name', bytes(1))).rejects.toMatchObject({ code: 'system', message: expect.stringContaining('Bad') });
});
