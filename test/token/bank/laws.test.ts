/** Laws 1 and 7 on a bank in memory: over all schedules of commits, cuts and objects that are taken away or put back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import { Bank } from '../../../src/token/bank/bank.ts';
import { decrease } from '../../../src/token/bank/entry.ts';
import { Cut, MemoryShelf } from './memory.ts';
import { batch, commit, heldBy, type Model, newBank, options } from './small.ts';

const scale = process.env['HOLDFAST_LONG'] === '1' ? 50 : 1;

describe('laws', () => {
  it('what was acknowledged is there after the power went before any write, and nothing else but the last batch', () => {
    const step = fc.oneof({ weight: 4, arbitrary: batch }, { weight: 1, arbitrary: fc.constant('fold' as const) });
    const life = fc.record({ steps: fc.array(step, { maxLength: 12 }), fuse: fc.nat({ max: 40 }), torn: fc.constantFrom(0, 0.3, 1) });
    fc.assert(
      fc.property(fc.array(life, { minLength: 1, maxLength: 4 }), (lives) => {
        const shelf = newBank();
        let model: Model = new Map();
        let sequence = 0n;
        for (const { steps, fuse, torn } of lives) {
          let flying: Model = new Map(model);
          Object.assign(shelf, { fuse, torn });
          try {
            const bank = new Bank(shelf, options);
            for (const what of steps) {
              if (what === 'fold') bank.foldSome();
              else {
                flying = new Map(model);
                for (const [n, value] of what) if (decrease(flying.get(n) ?? NEW_COUNTERS, value) === undefined) flying.set(n, value);
                commit(bank, what, model);
              }
              sequence = bank.state.sequence;
            }
          } catch (error) {
            if (!(error instanceof Cut)) throw error;
          }
          shelf.fuse = Number.POSITIVE_INFINITY;
          const bank = new Bank(shelf, options);
          expect(bank.state.foundSequence).toBeGreaterThanOrEqual(sequence);
          const held = heldBy(bank);
          const complete = (expected: Model) => new Map(Array.from(held.keys(), (n) => [n, expected.get(n) ?? NEW_COUNTERS]));
          expect([complete(model), complete(flying)]).toContainEqual(held);
          model = held;
          sequence = bank.state.sequence;
        }
      }),
      { numRuns: 150 * scale },
    );
  });

  it('whatever objects are taken away or put back from earlier, what is proven is a state that once was, or nothing', () => {
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 25 }), fc.infiniteStream(fc.nat({ max: 99 })), (batches, dice) => {
        const shelf = newBank();
        const bank = new Bank(shelf, options);
        const model: Model = new Map();
        const states = new Map<bigint, Model>([[bank.state.foundSequence, new Map()]]);
        const ever = new Map(shelf.objects);
        const remember = () => {
          for (const [name, object] of shelf.objects) ever.set(name, object);
          states.set(bank.state.sequence, heldBy(bank));
        };
        remember();
        for (const commits of batches) {
          commit(bank, commits, model);
          remember();
          bank.foldSome();
          remember();
        }
        const keepPercent = dice.next().value ?? 0;
        const kept = new MemoryShelf();
        for (const [name, object] of ever) {
          const inUse = shelf.objects.has(name);
          if ((dice.next().value ?? 0) < (inUse ? 50 + keepPercent / 2 : keepPercent)) kept.objects.set(name, object);
        }
        let found: Bank;
        try {
          found = new Bank(kept, options);
        } catch (error) {
          expect(error).toMatchObject({ code: 'token-unsuitable' });
          return;
        }
        const { foundSequence } = found.state;
        const expected = states.get(foundSequence) ?? new Map();
        expect(heldBy(found)).toEqual(new Map(Array.from({ length: 12 }, (_, n) => [n, expected.get(n) ?? NEW_COUNTERS])));
      }),
      { numRuns: 200 * scale },
    );
  });
});
