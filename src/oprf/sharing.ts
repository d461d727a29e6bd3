/**
 * Shamir's secret sharing over the order of P-256, and what it does to points. A key k is the value at 0 of a random
 * polynomial f of degree t-1; node x = 1..n gets k_x = f(x), and K_x = k_x * G is public. From any t points
 * Z_x = k_x * B the client interpolates Z = k * B "in the exponent", never seeing a share.
 *
 * Any t answers give some Z, right or wrong; each is seen to be right before (checked.ts). What is sent and received is public to
 * whoever carried it, so nothing here needs constant time except `split`.
 *
 * The arithmetic uses that indices are at most 7: every Lagrange denominator is a product of some of the distinct factors
 * of (x-1)! * (7-x)!, which divides 6! = 720. Times 720 all coefficients are small integers, and small multiples of points
 * are cheap.
 */
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { add, decodePoint, encodePoint, GENERATOR, IDENTITY, isIdentity, multiply, multiplyPublic, negate, type Point } from './point.ts';
import { addScalars, decodeScalar, encodeScalar, invertScalar, multiplyScalars, randomScalar } from './scalar.ts';

/** The largest fleet (docs/design.md, "The quorum"). 720 depends on it. */
const SHARES_MAX = 7;
const DENOMINATOR = 720n;

export interface Sharing {
  /** k_1..k_n: 32 bytes each, at positions 0..n-1. */
  readonly shares: readonly Secret<Uint8Array>[];
  /** K_1..K_n: 33 bytes each. */
  readonly publicShares: readonly Uint8Array[];
}

/** What the node with this share number answered. */
export interface Piece {
  /** 1..7, as in the order of nodes in the fleet's entry. */
  readonly index: number;
  /** Z_index: 33 bytes. */
  readonly element: Uint8Array;
}

/**
 * Shares `key` (32 bytes) among n so that any t determine it and fewer say nothing.
 * @throws `malformed` unless 1 <= t <= n <= 7 and `key` is a scalar.
 */
export function split(key: Secret<Uint8Array>, t: number, n: number, random: Random): Sharing {
  if (!Number.isInteger(t) || !Number.isInteger(n) || t < 1 || n < t || n > SHARES_MAX) {
    return fail('malformed', 'expected 1 <= t <= n <= 7', { t, n });
  }
  const coefficients = [decodeScalar(key.reveal()), ...Array.from({ length: t - 1 }, () => randomScalar(random))];
  const values = Array.from({ length: n }, (_, i) => valueAt(coefficients, BigInt(i + 1)));
  return {
    shares: values.map((value) => new Secret(encodeScalar(value))),
    publicShares: values.map((value) => encodePoint(multiply(GENERATOR, value))),
  };
}

/**
 * Z, 33 bytes, from t answers of which each was seen to be right (checked.ts).
 * @throws `malformed` for an index outside 1..7 or twice, or an element that is not a point
 */
export function combineElements(pieces: readonly Piece[]): Uint8Array {
  return encodePoint(atZero(decodePieces(pieces)));
}

/**
 * Whether K_1..K_n belong to one key with threshold t. A dealer who breaks this makes a registration that opens with
 * some nodes and not with others.
 * @throws `malformed` unless they do, or where one is not a point.
 */
export function checkPublicShares(publicShares: readonly Uint8Array[], t: number): void {
  const points = decodePieces(publicShares.map((element, i) => ({ index: i + 1, element })));
  if (points.length < t) fail('malformed', 'fewer public shares than the threshold', { got: points.length, expected: t });
  if (!onOnePolynomial(points, t) || isIdentity(atZero(points.slice(0, t)))) {
    fail('malformed', 'the public shares do not belong to one key', { n: points.length, t });
  }
}

/** A point of the polynomial in the exponent: f(x) * B. */
interface Sample {
  readonly x: bigint;
  readonly point: Point;
}

function decodePieces(pieces: readonly Piece[]): Sample[] {
  for (const { index } of pieces) {
    // f(0) is the key: an answer for index 0 would be the whole Z, from one node.
    if (!Number.isInteger(index) || index < 1 || index > SHARES_MAX) fail('malformed', 'a share number is not in 1..7', { index });
    if (pieces.filter((other) => other.index === index).length > 1) fail('malformed', 'a share number comes twice', { index });
  }
  return pieces.toSorted((a, b) => a.index - b.index).map(({ index, element }) => ({ x: BigInt(index), point: decodePoint(element) }));
}

/** Horner's rule, modulo the order. */
function valueAt(coefficients: readonly bigint[], x: bigint): bigint {
  return coefficients.reduceRight((value, coefficient) => addScalars(multiplyScalars(value, x), coefficient), 0n);
}

/**
 * Whether m samples lie on one polynomial of degree below t. With weights w_j = 1 / prod (x_j - x_i) the sum of
 * w_j * x_j^r * f(x_j) is the divided difference of x^r * f: zero while r + t - 1 < m - 1. These m-t equations are
 * the parity checks of the Reed-Solomon code, so they are also sufficient.
 */
function onOnePolynomial(samples: readonly Sample[], t: number): boolean {
  for (let r = 0; r < samples.length - t; r++) {
    const sum = weightedSum(samples, (x, others) => (DENOMINATOR * x ** BigInt(r)) / product(others.map((other) => x - other)));
    if (!isIdentity(sum)) return false;
  }
  return true;
}

/** Lagrange interpolation at 0: f(0) * B. */
function atZero(samples: readonly Sample[]): Point {
  const scaled = weightedSum(samples, (x, others) => (DENOMINATOR * product(others)) / product(others.map((other) => other - x)));
  return multiplyPublic(scaled, invertScalar(DENOMINATOR));
}

function weightedSum(samples: readonly Sample[], weight: (x: bigint, others: bigint[]) => bigint): Point {
  return samples.reduce((sum, { x, point }) => {
    const factor = weight(
      x,
      samples.filter((other) => other.x !== x).map((other) => other.x),
    );
    const term = multiplyPublic(point, factor < 0n ? -factor : factor);
    return add(sum, factor < 0n ? negate(term) : term);
  }, IDENTITY);
}

function product(factors: readonly bigint[]): bigint {
  return factors.reduce((result, factor) => result * factor, 1n);
}
