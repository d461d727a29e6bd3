/** What a process may take for known of the counters in its token. */
import { describe, expect, it } from 'vitest';
import { toId } from '../../src/base/bytes.ts';
import { type Counters, NEW_COUNTERS } from '../../src/quorum/counters.ts';
import { KnownCounters } from '../../src/token/known.ts';

const slot = toId('5'.repeat(64));
const tried = (attempt: number): Counters => ({ ...NEW_COUNTERS, tried: attempt });
const later = <T>() => Promise.withResolvers<T>();

describe('counters are known', () => {
  it('once they were read, and once they were committed', async () => {
    const known = new KnownCounters();
    expect(known.of(slot)).toBeUndefined();
    expect(await known.reading(slot, async () => tried(1))).toEqual(tried(1));
    expect(known.of(slot)).toEqual(tried(1));
    expect(await known.writing(slot, tried(2), async () => 7n)).toBe(7n);
    expect(known.of(slot)).toEqual(tried(2));
  });

  it('not while a commit is under way, nor after one that failed', async () => {
    const known = new KnownCounters();
    await known.reading(slot, async () => tried(1));
    const { promise, reject } = later<bigint>();
    const commit = known.writing(slot, tried(2), () => promise);
    expect(known.of(slot)).toBeUndefined();
    reject(new Error('late'));
    await expect(commit).rejects.toThrow('late');
    expect(known.of(slot)).toBeUndefined();
  });

  it('never by a read that began before a commit and ended after it', async () => {
    const known = new KnownCounters();
    const { promise, resolve } = later<Counters>();
    const read = known.reading(slot, () => promise);
    await known.writing(slot, tried(2), async () => 1n);
    resolve(tried(1));
    await read;
    expect(known.of(slot)).toEqual(tried(2));
  });

  it('of the slots at work lately, however many there are', async () => {
    const known = new KnownCounters();
    for (let n = 0; n < 20_000; n += 1) await known.reading(toId(n.toString(16).padStart(64, '0')), async () => NEW_COUNTERS);
    expect(known.of(toId('0'.repeat(64)))).toBeUndefined();
    expect(known.of(toId((19_999).toString(16).padStart(64, '0')))).toEqual(NEW_COUNTERS);
  });
});
