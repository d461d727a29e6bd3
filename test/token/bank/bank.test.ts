import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Id, toHex } from '../../../src/base/bytes.ts';
import { HoldfastError } from '../../../src/base/errors.ts';
import { type Counters, NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import { Bank, inspectBank } from '../../../src/token/bank/bank.ts';
import { createBank, PAGES_MAX } from '../../../src/token/bank/create.ts';
import { decrease, ENTRY_BYTES } from '../../../src/token/bank/entry.ts';
import { decodeObject, encodeObject, type Kind, PAGE_OVERHEAD_BYTES } from '../../../src/token/bank/objects.ts';
import { Cut, MemoryShelf } from './memory.ts';

const scale = process.env['HOLDFAST_LONG'] === '1' ? 50 : 1;
const PAGES = 4;
const PAGE_BYTES = PAGE_OVERHEAD_BYTES + 200 * ENTRY_BYTES;
/** Small enough that a few commits make a digest, and a few more start a fold. */
const options = { objectsMax: 12 + PAGES + 6, digestMax: 6 };

const slot = (n: number) => toHex(createHash('sha256').update(`${n}`).digest()) as Id;
const newBank = (pages = PAGES) => {
  const shelf = new MemoryShelf();
  createBank(shelf, pages, PAGE_BYTES);
  return shelf;
};
const voted = (n: number): Counters => ({ ...NEW_COUNTERS, voted: n });
const failure = (run: () => unknown): HoldfastError => {
  try {
    run();
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
};

const small = fc.nat({ max: 3 });
const counters: fc.Arbitrary<Counters> = fc.record({ voted: small, active: small, tried: small, cleared: small, locked: fc.boolean() });
const batch = fc.array(fc.tuple(fc.nat({ max: 11 }), counters), { minLength: 1, maxLength: 5 });

/** What a bank must hold: the accepted commits, by slot. */
type Model = Map<number, Counters>;
const heldBy = (bank: Bank, slots = 12): Model => new Map(Array.from({ length: slots }, (_, n) => [n, bank.read(slot(n))]));

function commit(bank: Bank, commits: readonly (readonly [number, Counters])[], model: Model): void {
  const results = bank.commit(commits.map(([n, value]) => ({ slot: slot(n), counters: value })));
  for (const [i, result] of results.entries()) {
    const [n, value] = commits[i]!;
    const backwards = decrease(model.get(n) ?? NEW_COUNTERS, value);
    expect(result instanceof HoldfastError).toBe(backwards !== undefined);
    if (!(result instanceof HoldfastError)) model.set(n, value);
  }
}

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

describe('a bank that is not whole', () => {
  const kinds = (shelf: MemoryShelf, kind: Kind) => [...shelf.objects].filter(([, object]) => object.kind === kind).map(([name]) => name);
  const used = (how = {}) => {
    const shelf = newBank();
    const bank = new Bank(shelf, how);
    for (let n = 0; n < 5; n += 1) bank.commit([{ slot: slot(n), counters: voted(1) }]);
    return { shelf, bank };
  };
  const refusal = (shelf: MemoryShelf) => failure(() => new Bank(shelf)).message;

  it('is refused by name: no root, a missing page, a gap in the journal, two roots, two banks', () => {
    const noRoot = used().shelf;
    for (const name of kinds(noRoot, 'root')) noRoot.objects.delete(name);
    expect(refusal(noRoot)).toContain('no whole root');

    const noPage = used().shelf;
    noPage.objects.delete(kinds(noPage, 'page')[2]!);
    expect(refusal(noPage)).toContain('a page is missing');

    const gap = used().shelf;
    gap.objects.delete(kinds(gap, 'journal')[2]!);
    expect(refusal(gap)).toContain('gap');

    const { shelf: twoRoots } = used();
    const root = inspectBank(twoRoots);
    twoRoots.create(root.bank, 'root', { ...root.root, sequence: 0n });
    expect(refusal(twoRoots)).toContain('two roots');

    const { shelf: skipped, bank: last } = used();
    const { bank, tailSeal: previous } = inspectBank(skipped);
    const first = last.state.sequence + 2n;
    skipped.create(bank, 'journal', { previous, first, last: first, quarantine: false, vouched: 0n, entries: new Uint8Array() });
    expect(refusal(skipped)).toContain('gap');

    const { shelf: twoBanks } = used();
    for (const [name, object] of newBank().objects) twoBanks.objects.set(`other ${name}`, object);
    expect(refusal(twoBanks)).toContain('two counter banks');
  });

  it('is refused when a page or the root is newer than the journal', () => {
    const { shelf, bank } = used(options);
    const before = shelf.copy();
    const journal = kinds(shelf, 'journal');
    for (let n = 0; n < 200; n += 1) {
      bank.commit([{ slot: slot(n), counters: voted(2) }]);
      bank.foldSome();
    }
    const mixed = before;
    for (const name of journal) mixed.objects.delete(name);
    for (const name of kinds(mixed, 'root')) mixed.objects.delete(name);
    for (const [name, object] of shelf.objects) if (object.kind !== 'journal' && object.kind !== 'digest') mixed.objects.set(name, object);
    expect(refusal(mixed)).toMatch(/end of the journal is missing/);
  });

  it('is taken for whole when a crash left both a digest and what it took in, and never without the digest', () => {
    const shelf = newBank();
    const bank = new Bank(shelf, options);
    const ever = new Map<string, { kind: Kind; value: Uint8Array }>();
    for (let n = 0; kinds(shelf, 'digest').length === 0; n += 1) {
      bank.commit([{ slot: slot(n % 4), counters: voted(n) }]);
      for (const [name, object] of shelf.objects) ever.set(name, object);
      bank.foldSome();
    }
    const held = heldBy(bank);
    for (; bank.foldSome(); );
    const both = shelf.copy();
    for (const [name, object] of ever) if (object.kind === 'journal') both.objects.set(name, object);
    expect(heldBy(new Bank(both, options))).toEqual(held);
    for (const name of kinds(shelf, 'digest')) shelf.objects.delete(name);
    expect(refusal(shelf)).toContain('gap');
  });

  it('is swept of torn and superseded objects once it is proven', () => {
    const { shelf } = used();
    const whole = shelf.objects.size;
    const { bank } = inspectBank(shelf);
    shelf.objects.set('torn', { kind: 'journal', value: new Uint8Array(20) });
    shelf.create(bank, 'page', { index: 0, pages: PAGES, version: 9n, entries: new Uint8Array() });
    expect(new Bank(shelf).state.tornFound).toBe(1);
    expect(shelf.objects.size).toBe(whole + 1);
  });

  it('changes nothing when it refuses', () => {
    const { shelf } = used();
    shelf.objects.delete(kinds(shelf, 'page')[0]!);
    const before = [...shelf.objects.keys()].filter((name) => shelf.objects.get(name)?.kind !== 'owner');
    refusal(shelf);
    expect([...shelf.objects.keys()].filter((name) => shelf.objects.get(name)?.kind !== 'owner')).toEqual(before);
  });
});

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
