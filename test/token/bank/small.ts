/** Banks in memory that are small enough for every few commits to make a digest or begin a fold, and what they must hold. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Id, toHex } from '../../../src/base/bytes.ts';
import { HoldfastError } from '../../../src/base/errors.ts';
import { type Counters, NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import type { Bank } from '../../../src/token/bank/bank.ts';
import { createBank } from '../../../src/token/bank/create.ts';
import { decrease, ENTRY_BYTES } from '../../../src/token/bank/entry.ts';
import { PAGE_OVERHEAD_BYTES } from '../../../src/token/bank/objects.ts';
import { MemoryShelf } from './memory.ts';

export const PAGES = 4;
export const PAGE_BYTES = PAGE_OVERHEAD_BYTES + 200 * ENTRY_BYTES;
/** Small enough that a few commits make a digest, and a few more start a fold. */
export const options = { objectsMax: 12 + PAGES + 6, digestMax: 6 };

export const slot = (n: number) => toHex(createHash('sha256').update(`${n}`).digest()) as Id;
export const newBank = (pages = PAGES) => {
  const shelf = new MemoryShelf();
  createBank(shelf, pages, PAGE_BYTES);
  return shelf;
};
export const voted = (n: number): Counters => ({ ...NEW_COUNTERS, voted: n });
export const failure = (run: () => unknown): HoldfastError => {
  try {
    run();
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
};

const small = fc.nat({ max: 3 });
const counters: fc.Arbitrary<Counters> = fc.record({
  voted: small,
  active: small,
  tried: small,
  cleared: small,
  locked: fc.boolean(),
});
export const batch = fc.array(fc.tuple(fc.nat({ max: 11 }), counters), { minLength: 1, maxLength: 5 });

/** What a bank must hold: the accepted commits, by slot. */
export type Model = Map<number, Counters>;
export const heldBy = (bank: Bank, slots = 12): Model => new Map(Array.from({ length: slots }, (_, n) => [n, bank.read(slot(n))]));

export function commit(bank: Bank, commits: readonly (readonly [number, Counters])[], model: Model): void {
  const results = bank.commit(commits.map(([n, value]) => ({ slot: slot(n), counters: value })));
  for (const [i, result] of results.entries()) {
    const [n, value] = commits[i]!;
    const backwards = decrease(model.get(n) ?? NEW_COUNTERS, value);
    expect(result instanceof HoldfastError).toBe(backwards !== undefined);
    if (!(result instanceof HoldfastError)) model.set(n, value);
  }
}
