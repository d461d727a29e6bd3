/** What counters may become, and what an object that holds them must be to be believed. */
import { describe, expect, it } from 'vitest';
import { NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import { Bank } from '../../../src/token/bank/bank.ts';
import { decrease, ENTRY_BYTES } from '../../../src/token/bank/entry.ts';
import { decodeObject, encodeObject } from '../../../src/token/bank/objects.ts';
import { MemoryShelf } from './memory.ts';
import { newBank, slot, voted } from './small.ts';

describe('the counter rule', () => {
  it('never lets a counter of the same generation, or a generation, go back', () => {
    const base = { voted: 5, active: 5, tried: 3, cleared: 2, locked: true };
    expect(decrease(base, base)).toBeUndefined();
    for (const name of ['voted', 'active', 'tried', 'cleared'] as const)
      expect(decrease(base, { ...base, [name]: base[name] - 1 })).toBe(name);
    expect(decrease(base, { ...base, locked: false })).toBe('locked');
  });

  it('starts tried, cleared and locked afresh with a new generation', () => {
    expect(decrease({ voted: 5, active: 5, tried: 9, cleared: 9, locked: true }, { ...NEW_COUNTERS, voted: 6, active: 6 })).toBeUndefined();
  });

  it('refuses what 32 bits do not hold instead of wrapping', () => {
    const bank = new Bank(newBank());
    for (const value of [2 ** 32, -1, 1.5, Number.NaN]) {
      expect(bank.commit([{ slot: slot(1), counters: voted(value) }])[0]).toMatchObject({ code: 'malformed' });
    }
    expect(bank.commit([{ slot: slot(1), counters: voted(2 ** 32 - 1) }])[0]).toBe(bank.state.sequence);
  });
});

describe('an object of the bank', () => {
  const shelf = new MemoryShelf();
  const mac = (message: Uint8Array) => shelf.mac(message);

  it('is found torn or foreign when any byte is missing or changed', () => {
    const entries = new Uint8Array(3 * ENTRY_BYTES).map((_, i) => i);
    const { value } = encodeObject(mac, new Uint8Array(16), 'page', { index: 1, pages: 4, version: 7n, entries });
    expect(decodeObject(mac, value)).toMatchObject({ kind: 'page', body: { index: 1, pages: 4, version: 7n, entries } });
    for (let at = 0; at < value.length; at += 1) {
      expect(decodeObject(mac, value.subarray(0, at))).toBeUndefined();
      expect(decodeObject(mac, value.with(at, value[at]! ^ 1))).toBeUndefined();
    }
  });
});
