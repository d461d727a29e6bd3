/**
 * Points of P-256. On the wire, in records and in what is signed a point is 33 bytes: SEC 1 version 2, section 2.3.3,
 * compressed. Tokens speak the uncompressed form (65 bytes) and return bare x coordinates (32 bytes): those two cross the
 * border to PKCS#11 only.
 *
 * Refused with `malformed`: points off the curve (the invalid-curve attack: k*B on a weak curve gives k away), the
 * identity (its multiples are the identity whatever k is: a constant in place of an OPRF output), coordinates not below p
 * (a second spelling of the same point would make two different signed messages of one guess), the hybrid form. P-256 has
 * cofactor 1, so what is on the curve is in the group.
 */
import { p256 } from '@noble/curves/nist.js';
import { fail } from '../base/errors.ts';

/** A point on the curve, or the identity as a result of arithmetic. Only this room looks inside. */
export type Point = InstanceType<typeof p256.Point>;

const POINT_BYTES = 33;
const UNCOMPRESSED_BYTES = 65;
const COORDINATE_BYTES = 32;

/** The base point G (SEC 2, section 2.4.2). */
export const GENERATOR: Point = p256.Point.BASE;
export const IDENTITY: Point = p256.Point.ZERO;

/** @throws `malformed` unless `bytes` is the 33-byte compressed form of a point other than the identity. */
export function decodePoint(bytes: Uint8Array): Point {
  return decode(bytes, POINT_BYTES);
}

/** @throws `malformed` unless `bytes` is the 65-byte form (0x04, x, y) of a point other than the identity. */
export function decodeUncompressed(bytes: Uint8Array): Point {
  return decode(bytes, UNCOMPRESSED_BYTES);
}

/**
 * One of the two points with this x coordinate (32 bytes): the one with even y. The other is its negative. A token's
 * ECDH answers x only.
 * @throws `malformed` when no point has this x.
 */
export function pointWithX(x: Uint8Array): Point {
  if (x.length !== COORDINATE_BYTES) return fail('malformed', 'expected an x coordinate of 32 bytes', { got: x.length });
  return decode(Uint8Array.of(2, ...x), POINT_BYTES);
}

function decode(bytes: Uint8Array, length: number): Point {
  if (bytes.length !== length) return fail('malformed', 'a point has the wrong length', { got: bytes.length, expected: length });
  try {
    return p256.Point.fromBytes(bytes);
  } catch (cause) {
    return fail('malformed', 'not a point of P-256 in its canonical form', { length }, cause);
  }
}

/** 33 bytes. @throws `malformed` for the identity, which has no such form. */
export function encodePoint(point: Point): Uint8Array {
  return present(point).toBytes(true);
}

/** 65 bytes: 0x04, x, y. @throws `malformed` for the identity. */
export function encodeUncompressed(point: Point): Uint8Array {
  return present(point).toBytes(false);
}

/** 32 bytes, leading zeros kept. @throws `malformed` for the identity. */
export function xCoordinate(point: Point): Uint8Array {
  return encodePoint(point).subarray(1);
}

export function isIdentity(point: Point): boolean {
  return point.is0();
}

export function equalPoints(a: Point, b: Point): boolean {
  return a.equals(b);
}

export function add(a: Point, b: Point): Point {
  return a.add(b);
}

export function subtract(a: Point, b: Point): Point {
  return a.subtract(b);
}

export function negate(a: Point): Point {
  return a.negate();
}

/** scalar * point, without branches on the scalar. The scalar is in 1..n-1. */
export function multiply(point: Point, scalar: bigint): Point {
  return point.multiply(scalar);
}

/** scalar * point for a public scalar in 0..n-1: faster, and its time depends on the scalar. */
export function multiplyPublic(point: Point, scalar: bigint): Point {
  return point.multiplyUnsafe(scalar);
}

function present(point: Point): Point {
  return isIdentity(point) ? fail('malformed', 'the identity is not a point that is sent') : point;
}
