/** A bank of which something is missing, torn, superseded or of another: refused by name, or swept, and never guessed at. */
import { describe, expect, it } from 'vitest';
import { Bank, inspectBank } from '../../../src/token/bank/bank.ts';
import type { Kind } from '../../../src/token/bank/objects.ts';
import type { MemoryShelf } from './memory.ts';
import { failure, heldBy, newBank, options, PAGES, slot, voted } from './small.ts';

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
