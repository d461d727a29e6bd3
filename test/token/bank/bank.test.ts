/** What a counter bank does in order: numbers, batches, room, digests, owners. */
import { describe, expect, it } from 'vitest';
import { NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import { Bank } from '../../../src/token/bank/bank.ts';
import { createBank, PAGES_MAX } from '../../../src/token/bank/create.ts';
import { Cut, MemoryShelf } from './memory.ts';
import { failure, heldBy, newBank, options, PAGE_BYTES, PAGES, slot, voted } from './small.ts';

describe('a counter bank', () => {
  it('takes a slot that it never saw for new, and only then', () => {
    const bank = new Bank(newBank());
    expect(bank.read(slot(1))).toEqual(NEW_COUNTERS);
    bank.commit([{ slot: slot(1), counters: voted(1) }]);
    expect(bank.read(slot(1))).toEqual(voted(1));
    expect(bank.read(slot(2))).toEqual(NEW_COUNTERS);
  });

  it('raises the start number before anything else and a commit number with every commit', () => {
    const shelf = newBank();
    const first = new Bank(shelf);
    const { foundSequence, sequence } = first.state;
    expect([foundSequence, sequence >> 32n]).toEqual([0n, 1n]);
    expect(first.commit([1, 2, 3].map((n) => ({ slot: slot(n), counters: voted(1) })))).toEqual([1n, 2n, 3n].map((n) => sequence + n));
    const second = new Bank(shelf).state;
    expect([second.foundSequence, second.sequence >> 32n]).toEqual([sequence + 3n, 2n]);
  });

  it('makes one token write of a whole batch', () => {
    const shelf = newBank();
    const bank = new Bank(shelf);
    const before = shelf.objects.size;
    bank.commit(Array.from({ length: 100 }, (_, n) => ({ slot: slot(n), counters: voted(1) })));
    expect(shelf.objects.size).toBe(before + 1);
  });

  it('refuses one commit of a batch without hindering the others', () => {
    const bank = new Bank(newBank());
    bank.commit([{ slot: slot(1), counters: voted(2) }]);
    const [refused, accepted] = bank.commit([
      { slot: slot(1), counters: voted(1) },
      { slot: slot(2), counters: voted(1) },
    ]);
    expect(refused).toMatchObject({ code: 'alarm', evidence: { counter: 'voted' } });
    expect(accepted).toBe(bank.state.sequence);
    expect(bank.read(slot(1))).toEqual(voted(2));
  });

  it('remembers over any number of starts what it held when the others last vouched for it', () => {
    const shelf = newBank();
    const first = new Bank(shelf, options);
    first.vouch();
    first.commit([{ slot: slot(1), counters: voted(1) }]);
    const { sequence } = first.state;
    for (let starts = 0; starts < 30; starts += 1) {
      const bank = new Bank(shelf, options);
      expect(bank.state.vouchedSequence).toBe(sequence);
      bank.commit([{ slot: slot(2), counters: voted(starts + 1) }]);
    }
    const vouched = new Bank(shelf, options);
    vouched.vouch();
    const again = new Bank(shelf, options);
    expect(again.state.vouchedSequence).toBe(vouched.state.sequence);
  });

  it('needs nobody to vouch when the process itself knows what the token held', () => {
    const shelf = newBank();
    const first = new Bank(shelf, options);
    first.vouch();
    const reopened = new Bank(shelf, { ...options, knownSequence: first.state.sequence });
    reopened.commit([{ slot: slot(1), counters: voted(1) }]);
    const { sequence } = reopened.state;
    expect(new Bank(shelf, options).state.vouchedSequence).toBe(sequence);
  });

  it('is quarantined for good', () => {
    const shelf = newBank();
    const bank = new Bank(shelf, options);
    expect(bank.state.quarantined).toBe(false);
    bank.quarantine();
    for (let n = 0; n < 50; n += 1) bank.commit([{ slot: slot(n), counters: voted(1) }]);
    expect(bank.state.quarantined).toBe(true);
    expect(new Bank(shelf, options).state.quarantined).toBe(true);
  });

  it('says early that it has no room, and then still counts known slots and those under way', () => {
    const bank = new Bank(newBank(1), options);
    let n = 0;
    for (; bank.state.hasRoom; n += 1) bank.commit([{ slot: slot(n), counters: voted(1) }]);
    expect(n).toBe(200 - 63);
    for (; n < 200; n += 1) expect(bank.commit([{ slot: slot(n), counters: voted(1) }])[0]).toBe(bank.state.sequence);
    expect(bank.commit([{ slot: slot(n), counters: voted(1) }])[0]).toMatchObject({ code: 'token-full' });
    expect(bank.commit([{ slot: slot(0), counters: voted(2) }])[0]).toBe(bank.state.sequence);
  });

  it('keeps the number of objects bounded', () => {
    const shelf = newBank();
    const bank = new Bank(shelf);
    let most = 0;
    for (let n = 0; n < 500; n += 1) {
      bank.commit([{ slot: slot(n % 12), counters: voted(n) }]);
      if (n % 3 === 0) bank.foldSome();
      most = Math.max(most, shelf.objects.size);
    }
    expect(most).toBeLessThan(140);
    for (; bank.foldSome(); );
    expect(shelf.objects.size).toBeLessThan(50);
  });

  it('makes digests of its journal long before it writes a page anew', () => {
    const shelf = newBank();
    const bank = new Bank(shelf, options);
    const kinds = () => new Set([...shelf.objects.values()].map(({ kind }) => kind));
    const pages = () => [...shelf.objects].filter(([, { kind }]) => kind === 'page').map(([name]) => name);
    const first = pages();
    for (let n = 0; n < 50; n += 1) bank.commit([{ slot: slot(n % 4), counters: voted(n) }]);
    expect(kinds()).toContain('digest');
    expect(pages()).toEqual(first);
    for (let n = 0; n < 50; n += 1) bank.commit([{ slot: slot(n), counters: voted(50) }]);
    expect(pages()).not.toEqual(first);
    const held = heldBy(bank, 50);
    expect(heldBy(new Bank(shelf, options), 50)).toEqual(held);
  });

  it('is made once', () => {
    const shelf = newBank();
    expect(failure(() => createBank(shelf, PAGES, PAGE_BYTES))).toMatchObject({ code: 'configuration' });
    expect(failure(() => createBank(new MemoryShelf(), PAGES_MAX + 1, PAGE_BYTES))).toMatchObject({ code: 'configuration' });
  });

  it('is made anew when its making was interrupted before any write, and never when it was opened once', () => {
    for (let fuse = 0; ; fuse += 1) {
      const shelf = new MemoryShelf();
      Object.assign(shelf, { fuse, torn: fuse % 2 });
      try {
        createBank(shelf, PAGES, PAGE_BYTES);
        break;
      } catch (error) {
        if (!(error instanceof Cut)) throw error;
      }
      shelf.fuse = Number.POSITIVE_INFINITY;
      if (![...shelf.objects.values()].some(({ kind }) => kind === 'root')) createBank(shelf, PAGES, PAGE_BYTES);
      const bank = new Bank(shelf);
      expect(bank.state).toMatchObject({ foundSequence: 0n, tornFound: 0 });
      expect(bank.commit([{ slot: slot(1), counters: voted(1) }])[0]).toBe(bank.state.sequence);
      for (const [name, { kind }] of shelf.objects) if (kind === 'root') shelf.objects.delete(name);
      expect(failure(() => createBank(shelf, PAGES, PAGE_BYTES))).toMatchObject({ code: 'configuration' });
    }
  });

  it('lets the newest owner write, and stops the one before it', () => {
    const shelf = newBank();
    const first = new Bank(shelf);
    const second = new Bank(shelf);
    expect(second.commit([{ slot: slot(1), counters: voted(1) }])[0]).toBe(second.state.sequence);
    expect(failure(() => first.commit([{ slot: slot(2), counters: voted(1) }]))).toMatchObject({ code: 'alarm' });
    expect(failure(() => first.commit([{ slot: slot(2), counters: voted(1) }]))).toMatchObject({ code: 'token-unavailable' });
    const third = new Bank(shelf);
    expect(third.read(slot(1))).toEqual(voted(1));
    expect(third.read(slot(2))).toEqual(NEW_COUNTERS);
  });

  it('refuses a token that came back with less than was known', () => {
    const shelf = newBank();
    const bank = new Bank(shelf);
    const older = shelf.copy();
    bank.commit([{ slot: slot(1), counters: voted(1) }]);
    const { sequence: knownSequence } = bank.state;
    expect(failure(() => new Bank(older, { knownSequence }))).toMatchObject({ code: 'alarm' });
    expect(new Bank(shelf, { knownSequence }).state.foundSequence).toBe(knownSequence);
  });
});
