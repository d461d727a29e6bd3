/** What an entry must be beside those before it: the part of the witness's policy that needs no network. */
import { describe, expect, test } from 'vitest';
import { fromBase64url, type Id, NO_ID } from '../../src/base/bytes.ts';
import { type FleetEntry, makeEntry } from '../../src/fleet/entry.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';
import {
  checkContinuity,
  checkKeys,
  checkPrevious,
  checkSequence,
  checkSpread,
  checkValidity,
  isoTime,
} from '../../src/trust/continuity.ts';
import { DAY_MS, goodFleet, NAMESPACE, NOW_MS } from './world.ts';

type Value = Parameters<typeof makeEntry>[0];

const [one, two] = [goodFleet(3, 1), goodFleet(3, 101)];

function entry(overrides: Partial<Value> = {}): FleetEntry {
  const sequence = overrides.sequence ?? 1;
  const validFrom = isoTime(NOW_MS - DAY_MS);
  const validUntil = isoTime(NOW_MS + 200 * DAY_MS);
  const previous = sequence === 1 ? NO_ID : ('ab'.repeat(32) as Id);
  return makeEntry({ namespace: NAMESPACE, sequence, previous, validFrom, validUntil, fleets: [one], ...overrides });
}

/** A fleet of these nodes with its right ids, as whoever makes an entry would compute them. */
function makeFleetWith(nodes: (typeof one)['nodes']): typeof one {
  const keys = nodes.map(({ identityKey, sealingKey }) => ({
    identityKey: fromBase64url(identityKey),
    sealingKey: fromBase64url(sealingKey),
  }));
  const fleet = makeFleet(NAMESPACE, one.quorum, one.threshold, keys);
  return { ...one, id: fleet.id, nodes: nodes.map((node, i) => ({ ...node, id: fleet.nodes[i]!.id })) };
}

const first = entry();
const second = entry({ sequence: 2, previous: first.digest });

test('entries follow each other by number and by digest', () => {
  expect(checkSequence(first, undefined)).toBeUndefined();
  expect(checkPrevious(first, undefined)).toBeUndefined();
  expect(checkSequence(second, first)).toBeUndefined();
  expect(checkPrevious(second, first)).toBeUndefined();
  expect(checkSequence(first, first)).toMatchObject({ evidence: { got: 1, expected: 2 } });
  expect(checkSequence(entry({ sequence: 3 }), first)).toMatchObject({ evidence: { got: 3, expected: 2 } });
  expect(checkSequence(second, undefined)).toMatchObject({ evidence: { got: 2, expected: 1 } });
  expect(checkPrevious(entry({ sequence: 2 }), first)).toMatchObject({ evidence: { got: 'ab'.repeat(32), expected: first.digest } });
});

test('an entry is valid now, and for at most 400 days', () => {
  expect(checkValidity(first, NOW_MS)).toBeUndefined();
  expect(checkValidity(first, first.validFrom)).toBeUndefined();
  expect(checkValidity(first, first.validFrom - 1)?.words).toContain('not valid yet');
  expect(checkValidity(first, first.validUntil)?.words).toContain('not valid any more');
  const until = (days: number) => entry({ validUntil: isoTime(NOW_MS - DAY_MS + days * DAY_MS) });
  expect(checkValidity(until(400), NOW_MS)).toBeUndefined();
  expect(checkValidity(until(401), NOW_MS)?.words).toContain('too long');
});

describe('a key stands in one place, over all time', () => {
  test('the same fleet may stand in every entry', () => {
    expect(checkKeys(second, [first])).toBeUndefined();
    expect(checkKeys(entry({ sequence: 2, fleets: [one, two] }), [first])).toBeUndefined();
  });

  test.each([
    ['an identity key', 'identityKey', 'identityKey'],
    ['a sealing key', 'sealingKey', 'sealingKey'],
    ['a sealing key that comes back as an identity key', 'sealingKey', 'identityKey'],
  ] as const)('%s of an entry long gone is refused in another fleet', (_, from, to) => {
    const taken = one.nodes[1]![from];
    const thief = makeFleetWith(two.nodes.map((node, i) => (i === 0 ? { ...node, [to]: taken } : node)));
    const without = entry({ sequence: 2, fleets: [goodFleet(3, 151)] });
    expect(checkKeys(entry({ sequence: 3, fleets: [thief] }), [first, without])?.words).toContain('two places');
  });

  test('the same keys in a fleet of another order are refused: it is another fleet', () => {
    const turned = makeFleetWith([...one.nodes].reverse());
    expect(checkKeys(entry({ sequence: 2, fleets: [turned] }), [first])?.words).toContain('two places');
  });
});

describe('fleets go on', () => {
  const retiring = { ...one, state: 'retiring' as const };
  const retired = { ...one, state: 'retired' as const };

  test('from active to retiring to retired, and then may be left out', () => {
    const admitted = [
      entry({ fleets: [one, two] }),
      entry({ sequence: 2, fleets: [retiring, two] }),
      entry({ sequence: 3, fleets: [retired, two] }),
    ];
    expect(checkContinuity(admitted[1]!, admitted.slice(0, 1))).toBeUndefined();
    expect(checkContinuity(admitted[2]!, admitted.slice(0, 2))).toBeUndefined();
    expect(checkContinuity(entry({ sequence: 4, fleets: [two] }), admitted)).toBeUndefined();
  });

  test.each([one, retiring])('one that is $state is not left out', (kept) => {
    const ruling = checkContinuity(entry({ sequence: 2, fleets: [two] }), [entry({ fleets: [kept, two] })]);
    expect(ruling).toMatchObject({ words: expect.stringContaining('missing'), evidence: { fleet: one.id, state: kept.state } });
  });

  test('a retired one never comes back, even after it was left out', () => {
    const admitted = [entry({ fleets: [retired, two] }), entry({ sequence: 2, fleets: [two] })];
    const ruling = checkContinuity(entry({ sequence: 3, fleets: [one, two] }), admitted);
    expect(ruling).toMatchObject({
      words: expect.stringContaining('came back'),
      evidence: { fleet: one.id, retiredIn: 1, state: 'active' },
    });
    expect(checkContinuity(entry({ sequence: 3, fleets: [retired, two] }), admitted)).toBeUndefined();
  });

  test('the first entry follows nothing', () => {
    expect(checkContinuity(first, [])).toBeUndefined();
  });
});

describe('no region and no operator has t or more nodes', () => {
  const placed = (size: number, what: 'region' | 'operator', count: number) => {
    const fleet = goodFleet(size);
    return entry({ fleets: [{ ...fleet, nodes: fleet.nodes.map((node, i) => (i < count ? { ...node, [what]: 'Here' } : node)) }] })
      .fleets[0]!;
  };
  test.each([
    [3, 2],
    [5, 3],
    [7, 4],
  ])('of %i nodes %i are too many', (size, threshold) => {
    for (const what of ['region', 'operator'] as const) {
      expect(checkSpread(placed(size, what, threshold - 1))).toBeUndefined();
      expect(checkSpread(placed(size, what, threshold))).toMatchObject({ evidence: { [what]: 'Here', nodes: threshold, threshold } });
    }
  });
});
