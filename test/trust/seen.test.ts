/** What a client was shown: kept as text, and two clients that compare find out a log that shows each its own view. */
import { describe, expect, test } from 'vitest';
import { consistencyProof } from '../../src/log/merkle.ts';
import { compareViews, formatSeen, parseSeen, type Seen } from '../../src/trust/seen.ts';
import { requireTrusted, verifyBundle } from '../../src/trust/verify.ts';
import { goodFleet, World } from './world.ts';

async function seenIn(world: World): Promise<Seen> {
  return requireTrusted(verifyBundle((await world.bundle()).line, world.options())).seenAfter;
}

/** The same keys, and a second entry of its own: a log that keeps two sets of books. */
async function twoViews(): Promise<{ mine: World; theirs: World }> {
  const [mine, theirs] = [new World(), new World()];
  for (const world of [mine, theirs]) await world.publish();
  await mine.publish();
  await theirs.publish({ fleets: [goodFleet(), goodFleet(3, 101)] });
  return { mine, theirs };
}

test('what was seen is kept as text and read back; anything else is refused', async () => {
  const world = new World();
  await world.publish();
  const seen = await seenIn(world);
  expect(parseSeen(formatSeen(seen))).toEqual(seen);
  for (const text of ['', '{}', 'null', formatSeen({ ...seen, size: 0 }), formatSeen({ ...seen, root: 'ab' as Seen['root'] })])
    expect(() => parseSeen(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
});

describe('two clients compare', () => {
  test('the same view, and an earlier and a later one with the proof between them', async () => {
    const world = new World();
    await world.publish();
    const before = await seenIn(world);
    await world.publish();
    await world.publish();
    const after = await seenIn(world);
    const proof = await consistencyProof(1, 3, world.tree.read);
    expect(compareViews(before, before)).toBe('same');
    expect(compareViews(before, after, proof)).toBe('consistent');
    expect(compareViews(after, before, proof)).toBe('consistent');
    expect(compareViews(before, after)).toBe('unproven');
    expect(compareViews(before, after, proof.slice(1))).toBe('unproven');
  });

  test('split views of one size are found at once', async () => {
    const { mine, theirs } = await twoViews();
    // Each by itself is trusted: nothing in it is wrong.
    expect(compareViews(await seenIn(mine), await seenIn(theirs))).toBe('split');
    const [one, other] = [await seenIn(mine), await seenIn(theirs)];
    expect(compareViews(one, { ...other, sequence: 1, digest: one.digest })).toBe('split');
  });

  test('split views of different sizes are found by the entries, or by no proof fitting', async () => {
    const { mine, theirs } = await twoViews();
    const early = await seenIn(mine);
    await theirs.publish({ fleets: [goodFleet(), goodFleet(3, 101)] });
    const late = await seenIn(theirs);
    for (const world of [mine, theirs]) {
      const size = world.tree.size;
      const proof = await consistencyProof(Math.min(2, size), size, world.tree.read);
      expect(compareViews(early, late, proof)).toBe('unproven');
    }
    expect(compareViews(early, { ...late, sequence: early.sequence })).toBe('split');
  });

  test('views of two logs say nothing about each other', async () => {
    const world = new World();
    await world.publish();
    const seen = await seenIn(world);
    expect(compareViews(seen, { ...seen, origin: 'log.example/other' })).toBe('unproven');
  });
});
