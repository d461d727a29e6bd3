import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { evaluate } from '../../src/oprf/oprf.ts';
import { add, decodePoint, encodePoint, GENERATOR, multiply, negate } from '../../src/oprf/point.ts';
import { encodeScalar, ORDER, randomScalar } from '../../src/oprf/scalar.ts';
import { checkPublicShares, combineElements, type Piece, split } from '../../src/oprf/sharing.ts';

const RUNS = { numRuns: 40 };
const key = () => new Secret(encodeScalar(randomScalar(systemRandom)));
const somePoint = () => encodePoint(multiply(GENERATOR, randomScalar(systemRandom)));

/** The answers of a whole fleet to one B, and the Z that they stand for. */
function answered(t: number, n: number): { pieces: Piece[]; z: Uint8Array } {
  const secret = key();
  const element = somePoint();
  const pieces = split(secret, t, n, systemRandom).shares.map((share, i) => ({ index: i + 1, element: evaluate(share, element) }));
  return { pieces, z: evaluate(secret, element) };
}

/** Every 1 <= t <= n <= 7, not only majorities, and t + spare of the n answers, in any order. */
const scenario = (spareMin: number, spareMax = 6) =>
  fc
    .integer({ min: 1, max: 7 - spareMin })
    .chain((t) => fc.record({ t: fc.constant(t), n: fc.integer({ min: t + spareMin, max: 7 }) }))
    .chain(({ t, n }) =>
      fc.record({
        t: fc.constant(t),
        n: fc.constant(n),
        order: fc.shuffledSubarray(
          Array.from({ length: n }, (_, i) => i),
          { minLength: t + spareMin, maxLength: Math.min(n, t + spareMax) },
        ),
      }),
    );

test('any t answers, in any order, combine to k * B', () => {
  fc.assert(
    fc.property(scenario(0, 0), ({ t, n, order }) => {
      const { pieces, z } = answered(t, n);
      expect(combineElements(order.map((i) => pieces[i] as Piece))).toEqual(z);
    }),
    RUNS,
  );
});

test('a share number 0 or 8 or twice, and what is not a point are refused', () => {
  const { pieces } = answered(3, 5);
  const [first, second, third] = pieces as [Piece, Piece, Piece];
  const refused = (sent: Piece[]) => expect(() => combineElements(sent)).toThrow(expect.objectContaining({ code: 'malformed' }));
  refused([first, second, first]);
  refused([first, second, { ...third, element: new Uint8Array(33) }]);
  for (const index of [0, 8, -1, 1.5, Number.NaN]) refused([first, second, { ...third, index }]);
});

test('public shares of one key pass for their threshold, and fail for another or with one of them changed', () => {
  const refused = (shares: Uint8Array[], t: number) =>
    expect(() => checkPublicShares(shares, t)).toThrow(expect.objectContaining({ code: 'malformed' }));
  fc.assert(
    fc.property(scenario(1), fc.nat(), ({ t, n }, pick) => {
      const publicShares = [...split(key(), t, n, systemRandom).publicShares];
      checkPublicShares(publicShares, t);
      refused(publicShares.slice(0, t - 1), t);
      refused(
        publicShares.map((share, i) => (i === pick % n ? encodePoint(negate(decodePoint(share))) : share)),
        t,
      );
      if (t === 1) return;
      refused(publicShares, t - 1);
      refused([publicShares[1] as Uint8Array, publicShares[0] as Uint8Array, ...publicShares.slice(2)], t);
    }),
    RUNS,
  );
});

test('shares that belong to the key zero are refused', () => {
  const one = decodePoint(somePoint());
  expect(() => checkPublicShares([encodePoint(one), encodePoint(add(one, one))], 2)).toThrow(
    expect.objectContaining({ code: 'malformed' }),
  );
});

test('a threshold or a number of shares out of range, and a key that is no scalar, are refused', () => {
  for (const [t, n] of [
    [0, 3],
    [4, 3],
    [4, 8],
    [1.5, 3],
    [2, Number.NaN],
  ] as const) {
    expect(() => split(key(), t, n, systemRandom)).toThrow(expect.objectContaining({ code: 'malformed' }));
  }
  expect(() => split(new Secret(new Uint8Array(32)), 2, 3, systemRandom)).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => split(new Secret(Uint8Array.from(Buffer.from(ORDER.toString(16), 'hex'))), 2, 3, systemRandom)).toThrow();
});
