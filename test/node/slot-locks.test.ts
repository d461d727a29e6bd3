import { describe, expect, test } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { SlotLocks } from '../../src/node/slot-locks.ts';

const [a, b] = ['a'.repeat(64) as Id, 'b'.repeat(64) as Id];

/** Work that ends when it is told to. */
function held() {
  let end = () => {};
  let begun = false;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work = async () => {
    begun = true;
    await ended;
  };
  return { work, end: () => end(), begun: () => begun };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('one machine at a time on a slot', () => {
  test('the second waits for the first, another slot does not', async () => {
    const locks = new SlotLocks();
    const [first, second, other] = [held(), held(), held()];
    const all = [locks.hold([a], first.work), locks.hold([a], second.work), locks.hold([b], other.work)];
    await settled();
    expect([first.begun(), second.begun(), other.begun(), locks.waiting]).toEqual([true, false, true, 1]);
    first.end();
    await settled();
    expect([second.begun(), locks.waiting]).toEqual([true, 0]);
    second.end();
    other.end();
    await Promise.all(all);
    await locks.free();
  });

  test('an error frees the slot', async () => {
    const locks = new SlotLocks();
    await expect(locks.hold([a], () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await locks.hold([a], async () => 'free')).toBe('free');
  });

  test('two that want the same two slots in opposite order both get them', async () => {
    const locks = new SlotLocks();
    const turns = await Promise.all([
      locks.hold([a, b], async () => 1),
      locks.hold([b, a], async () => 2),
      locks.hold([b, b], async () => 3),
    ]);
    expect(turns).toEqual([1, 2, 3]);
    await locks.free();
  });

  test('a flood at one slot is refused and leaves nothing held', async () => {
    const locks = new SlotLocks();
    const first = held();
    const outcomes = [locks.hold([a], first.work), ...Array.from({ length: 40 }, () => locks.hold([b, a], async () => undefined))];
    const settledAll = Promise.allSettled(outcomes);
    await settled();
    expect(locks.waiting).toBeLessThanOrEqual(32);
    first.end();
    const refused = (await settledAll).filter((one) => one.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const one of refused) expect(one.reason).toMatchObject({ code: 'overloaded' });
    await locks.free();
    expect(await locks.hold([a, b], async () => 'free')).toBe('free');
  });
});
