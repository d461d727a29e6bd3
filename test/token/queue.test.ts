import { describe, expect, it, vi } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { type Outcome, Queue } from '../../src/token/queue.ts';

/** A queue hands on at the end of a tick. */
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
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
  queue.addLane('lane', [serve], { batchMax });
  return queue;
}

describe('the queue of a token', () => {
  it('hands everything that waits to a free server as one batch, in order, each with its own outcome', async () => {
    const server = slowServer();
    const queue = queueWith(server.serve, 10);
    const first = queue.submit('lane', 1);
    await tick();
    const second = queue.submit('lane', 2);
    const refused = queue.submit('lane', -1);
    await tick();
    server.release();
    expect(await first).toBe(2);
    await tick();
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
    await tick();
    server.release();
    await accepted[0];
    const again = queue.submit('lane', 5);
    for (const promise of [...accepted.slice(1), again]) {
      await tick();
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
    await tick();
    server.release();
    await queue.idle();
    expect(server.batches).toEqual([[1]]);
  });

  it('fails what waits and what comes while it is paused, and serves again afterwards', async () => {
    const server = slowServer();
    const queue = queueWith(server.serve);
    const running = queue.submit('lane', 1);
    await tick();
    const waiting = queue.submit('lane', 2);
    queue.pause(new HoldfastError('token-unavailable', 'away'));
    await expect(waiting).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(queue.submit('lane', 3)).rejects.toMatchObject({ code: 'token-unavailable' });
    await tick();
    server.release();
    expect(await running).toBe(2);
    queue.resume();
    const after = queue.submit('lane', 4);
    await tick();
    server.release();
    expect(await after).toBe(8);
  });

  it('shares what waits among the free servers', async () => {
    const [one, other] = [slowServer(), slowServer()];
    const queue = new Queue<'lane', number, number>({ queueMax: 10, deadlineMs: 10_000 });
    queue.addLane('lane', [one.serve, other.serve], { batchMax: 2 });
    const all = [1, 2, 3, 4, 5].map((n) => queue.submit('lane', n));
    await tick();
    expect([other.batches, one.batches]).toEqual([[[1, 2]], [[3, 4]]]);
    for (const server of [one, other, other, one]) {
      await tick();
      server.release();
    }
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8, 10]);
  });

  it('lets a server rest after its batch, while more gathers', async () => {
    const server = slowServer();
    const rested: number[] = [];
    const queue = new Queue<'lane', number, number>({ queueMax: 10, deadlineMs: 10_000 });
    const restMs = (calls: number) => {
      rested.push(calls);
      return calls > 1 ? 30 : 0;
    };
    queue.addLane('lane', [server.serve], { batchMax: 10, restMs });
    const pair = [queue.submit('lane', 1), queue.submit('lane', 2)];
    await tick();
    server.release();
    await Promise.all(pair);
    await queue.idle();
    const later = [queue.submit('lane', 3)];
    await tick();
    later.push(queue.submit('lane', 4));
    expect(server.batches).toEqual([[1, 2]]);
    await vi.waitFor(() =>
      expect(server.batches).toEqual([
        [1, 2],
        [3, 4],
      ]),
    );
    server.release();
    await Promise.all(later);
    expect(rested).toEqual([2, 2]);
  });

  it('fails a whole batch when its server does', async () => {
    const queue = queueWith(() => Promise.reject(new HoldfastError('token-unavailable', 'gone')));
    await expect(queue.submit('lane', 1)).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(queue.submit('lane', 2)).rejects.toMatchObject({ code: 'token-unavailable' });
  });
});
