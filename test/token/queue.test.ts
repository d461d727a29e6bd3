import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { type Outcome, Queue } from '../../src/token/queue.ts';

const limits = { queueMax: 3, deadlineMs: 10_000 };

/** A server that answers each batch when told to, and remembers the batches. */
function slowServer() {
  const batches: (readonly number[])[] = [];
  const release: (() => void)[] = [];
  const serve = (batch: readonly number[]): Promise<readonly Outcome<number>[]> =>
    new Promise((resolve) => {
      batches.push(batch);
      release.push(() => resolve(batch.map((n) => (n < 0 ? { error: new HoldfastError('share-refused', 'no') } : { value: n * 2 }))));
    });
  return { batches, release: () => release.shift()?.(), serve };
}

function queueWith(serve: (batch: readonly number[]) => Promise<readonly Outcome<number>[]>, batchMax = 1, some = limits) {
  const queue = new Queue<'lane', number, number>(some);
  queue.addLane('lane', [serve], batchMax);
  return queue;
}

describe('the queue of a token', () => {
  it('hands everything that waits to a free server as one batch, in order, each with its own outcome', async () => {
    const server = slowServer();
    const queue = queueWith(server.serve, 10);
    const first = queue.submit('lane', 1);
    const second = queue.submit('lane', 2);
    const refused = queue.submit('lane', -1);
    server.release();
    expect(await first).toBe(2);
    server.release();
    expect(await second).toBe(4);
    await expect(refused).rejects.toMatchObject({ code: 'share-refused' });
    expect(server.batches).toEqual([[1], [2, -1]]);
  });

  it('is bounded: what runs counts too', async () => {
    const server = slowServer();
    const queue = queueWith(server.serve);
    const accepted = [1, 2, 3].map((n) => queue.submit('lane', n));
    await expect(queue.submit('lane', 4)).rejects.toMatchObject({ code: 'overloaded' });
    server.release();
    await accepted[0];
    const again = queue.submit('lane', 5);
    for (const promise of [...accepted.slice(1), again]) {
      await Promise.resolve();
      server.release();
      await promise;
    }
  });

  it('gives up on what is late, and never runs what was given up while it waited', async () => {
    const server = slowServer();
    const queue = queueWith(server.serve, 1, { queueMax: 3, deadlineMs: 20 });
    const running = queue.submit('lane', 1);
    const waiting = queue.submit('lane', 2);
    await expect(running).rejects.toMatchObject({ code: 'timeout' });
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
    server.release();
    await queue.idle();
    expect(server.batches).toEqual([[1]]);
  });

  it('fails what waits and what comes while it is paused, and serves again afterwards', async () => {
    const server = slowServer();
    const queue = queueWith(server.serve);
    const running = queue.submit('lane', 1);
    const waiting = queue.submit('lane', 2);
    queue.pause(new HoldfastError('token-unavailable', 'away'));
    await expect(waiting).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(queue.submit('lane', 3)).rejects.toMatchObject({ code: 'token-unavailable' });
    server.release();
    expect(await running).toBe(2);
    queue.resume();
    const after = queue.submit('lane', 4);
    server.release();
    expect(await after).toBe(8);
  });

  it('fails a whole batch when its server does', async () => {
    const queue = queueWith(() => Promise.reject(new HoldfastError('token-unavailable', 'gone')));
    await expect(queue.submit('lane', 1)).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(queue.submit('lane', 2)).rejects.toMatchObject({ code: 'token-unavailable' });
  });
});
