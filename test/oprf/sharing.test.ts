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

const lie = (piece: Piece): Piece => ({ ...piece, element: encodePoint(add(decodePoint(piece.element), GENERATOR)) });

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

const indicesOf = (order: readonly number[]) => order.map((i) => i + 1).toSorted((a, b) => a - b);

test('any t or more honest answers, in any order, combine to k * B and name nobody', () => {
  fc.assert(
    fc.property(scenario(0), ({ t, n, order }) => {
      const { pieces, z } = answered(t, n);
      const combined = combineElements(
        order.map((i) => pieces[i] as Piece),
        t,
      );
      const spare = order.length - t;
      expect(combined).toEqual({ kind: 'combined', element: z, checked: ['none', 'detected'][spare] ?? 'named', liars: [] });
    }),
    RUNS,
  );
});

test('with m >= t + 2e answers, e wrong ones are named, and Z is right without them', () => {
  fc.assert(
    fc.property(scenario(2), fc.nat(), fc.boolean(), ({ t, n, order }, many, same) => {
      const wrong = 1 + (many % Math.floor((order.length - t) / 2));
      const { pieces, z } = answered(t, n);
      const forged = somePoint();
      // The first ones lie: a point off by G, or all of them the same point.
      const sent = order.map((i, position) => {
        const piece = pieces[i] as Piece;
        if (position >= wrong) return piece;
        return same ? { ...piece, element: forged } : lie(piece);
      });
      expect(combineElements(sent, t)).toEqual({
        kind: 'combined',
        element: z,
        checked: 'named',
        liars: indicesOf(order.slice(0, wrong)),
      });
    }),
    RUNS,
  );
});

test('one wrong answer among t+1 is detected; which one, t+1 cannot say', () => {
  fc.assert(
    fc.property(scenario(1, 1), ({ t, n, order }) => {
      const { pieces } = answered(t, n);
      const sent = order.map((i, position) => (position === 0 ? lie(pieces[i] as Piece) : (pieces[i] as Piece)));
      expect(combineElements(sent, t)).toEqual({ kind: 'inconsistent', indices: indicesOf(order) });
    }),
    RUNS,
  );
});

test('more wrong answers than can be told apart are inconsistent, never blamed on the honest', () => {
  const { pieces } = answered(4, 7);
  const sent = pieces.map((piece) => (piece.index <= 2 ? lie(piece) : piece));
  expect(combineElements(sent, 4)).toEqual({ kind: 'inconsistent', indices: [1, 2, 3, 4, 5, 6, 7] });
});

test('a wrong answer among exactly t goes unseen, and the result says that nothing was checked', () => {
  const { pieces, z } = answered(3, 5);
  const [first, ...rest] = pieces.slice(0, 3) as [Piece, Piece, Piece];
  const combined = combineElements([lie(first), ...rest], 3);
  expect(combined).toMatchObject({ kind: 'combined', checked: 'none', liars: [] });
  expect(combined).not.toMatchObject({ element: z });
});

test('among t+1 of a whole fleet, the subset without the liar still gives Z', () => {
  const { pieces, z } = answered(2, 3);
  const [first, ...rest] = pieces as [Piece, Piece, Piece];
  expect(combineElements([lie(first), ...rest], 2).kind).toBe('inconsistent');
  expect(combineElements(rest, 2)).toMatchObject({ element: z });
});

test('answers made to combine to the identity are inconsistent', () => {
  const point = decodePoint(somePoint());
  // For t = 2 and x = 1, 2: Z = 2 * Z_1 - Z_2.
  const pieces = [
    { index: 1, element: encodePoint(point) },
    { index: 2, element: encodePoint(add(point, point)) },
  ];
  expect(combineElements(pieces, 2)).toEqual({ kind: 'inconsistent', indices: [1, 2] });
});

test('too few answers, a share number 0 or 8 or twice, and what is not a point are refused', () => {
  const { pieces } = answered(3, 5);
  const [first, second, third] = pieces as [Piece, Piece, Piece];
  const refused = (sent: Piece[], code: string) => expect(() => combineElements(sent, 3)).toThrow(expect.objectContaining({ code }));
  refused([first, second], 'no-quorum');
  refused([], 'no-quorum');
  refused([first, second, first], 'malformed');
  refused([first, second, third, { ...third, element: lie(third).element }], 'malformed');
  for (const index of [0, 8, -1, 1.5, Number.NaN]) refused([first, second, { ...third, index }], 'malformed');
  refused([first, second, { ...third, element: new Uint8Array(33) }], 'malformed');
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
