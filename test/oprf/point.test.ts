import { createECDH } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import {
  add,
  decodePoint,
  decodeUncompressed,
  encodePoint,
  encodeUncompressed,
  equalPoints,
  GENERATOR,
  IDENTITY,
  isIdentity,
  multiply,
  multiplyPublic,
  negate,
  pointWithX,
  subtract,
  xCoordinate,
} from '../../src/oprf/point.ts';
import { decodeScalar, encodeScalar, ORDER, scalarFromSeed } from '../../src/oprf/scalar.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const scalar = fc.uint8Array({ minLength: 48, maxLength: 48 }).map(scalarFromSeed);
const refuses = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError);
    expect((error as HoldfastError).code).toBe('malformed');
    return;
  }
  expect.unreachable('expected a refusal');
};

/** SEC 2: the prime of the field. */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const toHex32 = (value: bigint) => value.toString(16).padStart(64, '0');

test('both encodings agree with OpenSSL, and decode to the same point', () => {
  fc.assert(
    fc.property(scalar, (k) => {
      const ecdh = createECDH('prime256v1');
      ecdh.setPrivateKey(encodeScalar(k));
      const point = multiply(GENERATOR, k);
      expect(Buffer.from(encodePoint(point))).toEqual(ecdh.getPublicKey(null, 'compressed'));
      expect(Buffer.from(encodeUncompressed(point))).toEqual(ecdh.getPublicKey());
      expect(equalPoints(decodePoint(encodePoint(point)), point)).toBe(true);
      expect(equalPoints(decodeUncompressed(encodeUncompressed(point)), point)).toBe(true);
      expect(equalPoints(multiplyPublic(GENERATOR, k), point)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('an x coordinate stands for a point and its negative, and keeps its leading zeros', () => {
  fc.assert(
    fc.property(scalar, (k) => {
      const point = multiply(GENERATOR, k);
      const even = pointWithX(xCoordinate(point));
      expect(equalPoints(even, point) || equalPoints(even, negate(point))).toBe(true);
      expect(encodePoint(even)[0]).toBe(2);
    }),
    { numRuns: 20 },
  );
  // x = 5 is on the curve: 31 leading zeros.
  const small = pointWithX(hex(toHex32(5n)));
  expect(Buffer.from(xCoordinate(small)).toString('hex')).toBe(toHex32(5n));
});

test('arithmetic: subtraction undoes addition, and a point less itself is the identity', () => {
  const twice = add(GENERATOR, GENERATOR);
  expect(equalPoints(twice, multiply(GENERATOR, 2n))).toBe(true);
  expect(equalPoints(subtract(twice, GENERATOR), GENERATOR)).toBe(true);
  expect(isIdentity(subtract(GENERATOR, GENERATOR))).toBe(true);
  expect(isIdentity(multiplyPublic(GENERATOR, 0n))).toBe(true);
});

test('what is not the one encoding of a point other than the identity is refused', () => {
  const good = encodePoint(GENERATOR);
  const flat = encodeUncompressed(GENERATOR);
  for (const bytes of [
    new Uint8Array(0),
    Uint8Array.of(0),
    new Uint8Array(33),
    flat, // another form than the wire's
    good.subarray(0, 32),
    Uint8Array.of(...good, 0),
    Uint8Array.of(4, ...good.subarray(1)),
    hex(`02${toHex32(P)}`), // x = p, a second spelling of x = 0
    hex(`02${toHex32(P + 5n)}`), // a second spelling of x = 5, which is on the curve
    hex(`02${toHex32(1n)}`), // no point has this x
  ]) {
    refuses(() => decodePoint(bytes));
  }
  const offCurve = flat.slice();
  offCurve[64] = (offCurve[64] ?? 0) ^ 1;
  for (const bytes of [offCurve, new Uint8Array(65), Uint8Array.of(7, ...flat.subarray(1)), good, flat.subarray(0, 64)]) {
    refuses(() => decodeUncompressed(bytes));
  }
  refuses(() => encodePoint(IDENTITY));
  refuses(() => encodeUncompressed(IDENTITY));
  refuses(() => pointWithX(hex(toHex32(1n))));
  refuses(() => pointWithX(good));
});

test('scalars outside 1..n-1 are refused in both directions', () => {
  for (const value of [0n, ORDER, ORDER + 1n]) {
    refuses(() => decodeScalar(hex(toHex32(value))));
    refuses(() => encodeScalar(value));
  }
  refuses(() => decodeScalar(new Uint8Array(31).fill(1)));
  expect(decodeScalar(encodeScalar(ORDER - 1n))).toBe(ORDER - 1n);
});

test('a scalar made of 48 bytes is their residue modulo n-1, plus one', () => {
  const seedOf = (value: bigint) => hex(value.toString(16).padStart(96, '0'));
  expect(scalarFromSeed(seedOf(0n))).toBe(1n);
  expect(scalarFromSeed(seedOf(ORDER - 2n))).toBe(ORDER - 1n);
  expect(scalarFromSeed(seedOf(ORDER - 1n))).toBe(1n);
  refuses(() => scalarFromSeed(new Uint8Array(32)));
});
