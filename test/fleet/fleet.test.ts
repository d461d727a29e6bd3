/** A fleet is its nodes and three numbers; what would break the quorum's arithmetic is refused when the fleet is made. */
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { identityKeyOf, makeFleet, nodeOf, shareIndex } from '../../src/fleet/fleet.ts';
import { keyId } from '../../src/wire/signed.ts';

const refused = expect.objectContaining({ name: 'HoldfastError', code: 'malformed' });
const point = (byte: number) => Uint8Array.of(3, ...new Uint8Array(32).fill(byte));
const keys = (size: number) => Array.from({ length: size }, (_, i) => ({ identityKey: point(i + 1), sealingKey: point(i + 101) }));

describe('the numbers', () => {
  test.each([
    [3, 2],
    [3, 3],
    [5, 3],
    [5, 4],
    [7, 4],
    [7, 7],
  ])('%i nodes, quorum %i', (size, quorum) => {
    const fleet = makeFleet('ns', quorum, quorum, keys(size));
    expect(fleet).toMatchObject({ quorum, threshold: quorum });
    expect(fleet.nodes.map((node) => shareIndex(fleet, node.id))).toEqual(fleet.nodes.map((_, i) => i + 1));
  });

  test.each([1, 2, 4, 6, 8])('a fleet of %i is refused', (size) => {
    const quorum = Math.floor(size / 2) + 1;
    expect(() => makeFleet('ns', quorum, quorum, keys(size))).toThrow(refused);
  });

  test.each([
    ['no majority', 2, 2],
    ['more than all', 6, 6],
    ['fewer shares than votes', 4, 3],
    ['more shares than votes', 3, 4],
    ['not a number', Number.NaN, Number.NaN],
    ['half a vote', 3.5, 3.5],
  ])('%s is refused', (_, quorum, threshold) => {
    expect(() => makeFleet('ns', quorum, threshold, keys(5))).toThrow(refused);
  });
});

describe('the keys', () => {
  const [first, second, third] = keys(3) as [ReturnType<typeof keys>[0], ReturnType<typeof keys>[0], ReturnType<typeof keys>[0]];

  test('one key in two places is refused: two nodes would be one', () => {
    expect(() => makeFleet('ns', 2, 2, [first, second, { ...third, identityKey: first.identityKey }])).toThrow(refused);
    expect(() => makeFleet('ns', 2, 2, [first, second, { ...third, sealingKey: first.sealingKey }])).toThrow(refused);
    expect(() => makeFleet('ns', 2, 2, [first, second, { ...third, sealingKey: first.identityKey }])).toThrow(refused);
  });

  test('a signer is known by the hash of its identity key, and nobody else is', () => {
    const fleet = makeFleet('ns', 2, 2, [first, second, third]);
    expect(nodeOf(fleet, keyId(second.identityKey))?.sealingKey).toEqual(second.sealingKey);
    expect(toHex(identityKeyOf(fleet)(keyId(second.identityKey)) ?? new Uint8Array())).toBe(toHex(second.identityKey));
    expect(identityKeyOf(fleet)(keyId(second.sealingKey))).toBeUndefined();
    expect(() => shareIndex(fleet, keyId(point(200)))).toThrow(refused);
  });

  test('whatever differs makes another fleet', () => {
    const ids = [
      makeFleet('ns', 2, 2, [first, second, third]),
      makeFleet('ns2', 2, 2, [first, second, third]),
      makeFleet('ns', 3, 3, [first, second, third]),
      makeFleet('ns', 2, 2, [second, first, third]),
      makeFleet('ns', 2, 2, [first, second, { ...third, sealingKey: point(77) }]),
    ].map((fleet) => fleet.id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
