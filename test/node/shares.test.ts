/** Counting shares: by inventories of made-up members, and over three real ones with tokens and stores. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { countShares, type InventoryOf } from '../../src/node/shares.ts';
import type { Holding } from '../../src/web/ports.ts';
import { TestFleet } from './fleet.ts';
import { Person } from './person.ts';

const idOf = (n: number) => n.toString(16).padStart(64, '0') as Id;

/** A member that serves what it holds in pages, as the store does. */
function member(node: number, holdings: readonly Holding[], afterPages = Number.POSITIVE_INFINITY): InventoryOf {
  const sorted = [...holdings].sort((a, b) => (a.slot < b.slot ? -1 : 1));
  let pages = 0;
  return {
    node: idOf(node),
    async page(after, limit) {
      pages += 1;
      if (pages > afterPages) throw new Error('gone');
      const rest = sorted.filter(({ slot }) => after === undefined || slot > after).slice(0, limit);
      const last = rest.length === limit ? rest.at(-1) : undefined;
      return { holdings: rest, ...(last && { next: last.slot }) };
    },
  };
}

const share = fc.constantFrom('held', 'missing', 'erased', 'deleted', 'moved');
const inventory = fc.uniqueArray(fc.record({ slot: fc.nat(40).map(idOf), generation: fc.integer({ min: 1, max: 3 }), share }), {
  selector: ({ slot }) => slot,
});

/** The same by brute force. */
function expected(inventories: readonly (readonly Holding[])[]) {
  const slots = Array<number>(inventories.length + 1).fill(0);
  let [erased, deleted, moved] = [0, 0, 0];
  for (const slot of new Set(inventories.flat().map((one) => one.slot))) {
    const of = inventories.flat().filter((one) => one.slot === slot);
    const latest = of.filter(({ generation }) => generation === Math.max(...of.map((one) => one.generation)));
    if (latest.some((one) => one.share === 'moved')) moved += 1;
    else if (latest.some((one) => one.share === 'deleted')) deleted += 1;
    else if (latest.some((one) => one.share === 'erased')) erased += 1;
    else slots[latest.filter((one) => one.share === 'held').length]! += 1;
  }
  return { slots, erased, deleted, moved };
}

describe('inventories side by side', () => {
  test('count every slot once, by its latest generation, whatever the size of the pages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(inventory, { minLength: 3, maxLength: 5 }), fc.integer({ min: 1, max: 50 }), async (all, page) => {
        const counted = await countShares(
          2,
          all.map((holdings, i) => member(i, holdings)),
          page,
        );
        expect(counted).toMatchObject({ ...expected(all), nodes: all.length, silent: [] });
      }),
    );
  });

  test('a member that falls silent on the way counts for nothing, and is named', async () => {
    const holdings = [1, 2, 3, 4].map((n) => ({ slot: idOf(n), generation: 1, share: 'held' as const }));
    const counted = await countShares(2, [member(0, holdings), member(1, holdings, 1), member(2, holdings)], 2);
    expect(counted).toMatchObject({ slots: [0, 0, 4, 0], silent: [idOf(1)] });
  });

  test('a member that repeats itself does not keep the count going for ever', async () => {
    const stuck = { node: idOf(9), page: async () => ({ holdings: [], next: idOf(5) }) };
    expect(await countShares(2, [member(0, []), stuck], 1)).toMatchObject({ silent: [idOf(9)] });
  });
});

describe('three nodes', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await TestFleet.make({ lockDelayMs: 300 });
    for (const node of [0, 1, 2])
      await vi.waitFor(async () => expect((await fleet.service(node).health()).standing).toBe('voting'), 20_000);
  });
  afterAll(() => fleet.close());

  test('tell what was lost with a node, and that it healed', async () => {
    const secret = new Uint8Array(randomBytes(32));
    const ada = await Person.of(fleet, 'ada');
    await ada.deposit('135790', secret);
    fleet.cut(2);
    const bob = await Person.of(fleet, 'bob');
    await bob.deposit('135790', secret);
    expect(await fleet.service(0).shares()).toMatchObject({ slots: [0, 0, 2, 0], silent: [fleet.idOf(2)] });
    fleet.join(2);
    const whole = { slots: [0, 0, 0, 2], erased: 0, deleted: 0, silent: [], threshold: 2 };
    await vi.waitFor(async () => expect(await fleet.service(0).shares()).toMatchObject(whole), 20_000);
    const got = await bob.recover('135790');
    if (got.kind !== 'opened') return expect.fail(got.kind);
    await bob.remove(got);
    expect(await fleet.service(1).shares()).toMatchObject({ slots: [0, 0, 0, 1], deleted: 1 });
  });

  test('count a slot that is locked and erased apart', async () => {
    const eve = await Person.of(fleet, 'eve');
    await eve.deposit('135790', new Uint8Array(32).fill(1));
    for (let n = 0; n < 10; n += 1) await eve.recover('000000');
    await vi.waitFor(async () => expect(await fleet.service(0).shares()).toMatchObject({ erased: 1 }), 20_000);
  });
});
