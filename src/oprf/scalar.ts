/**
 * Scalars: integers modulo the order n of P-256 (SEC 2, section 2.4.2). As bytes they are 32, big-endian, and never zero:
 * a private key or a share of zero would turn every point into the identity.
 *
 * Whoever holds one of these as a `bigint` holds it in clear: only a client, for the length of one call.
 */
import { p256 } from '@noble/curves/nist.js';
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js';
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';

const { Fn } = p256.Point;

export const ORDER: bigint = Fn.ORDER;
const SCALAR_BYTES = 32;

/** 128 bits more than n has, where FIPS 186-5 asks for 64: the bias of the reduction is below 2^-128. */
export const SCALAR_SEED_BYTES = 48;

/** @throws `malformed` unless `bytes` is 32 bytes, big-endian, in 1..n-1. */
export function decodeScalar(bytes: Uint8Array): bigint {
  if (bytes.length !== SCALAR_BYTES) return fail('malformed', 'expected a scalar of 32 bytes', { got: bytes.length });
  const scalar = bytesToNumberBE(bytes);
  return scalar > 0n && scalar < ORDER ? scalar : fail('malformed', 'a scalar is not in 1..n-1');
}

/** 32 bytes, big-endian. @throws `malformed` unless `scalar` is in 1..n-1. */
export function encodeScalar(scalar: bigint): Uint8Array {
  return scalar > 0n && scalar < ORDER ? numberToBytesBE(scalar, SCALAR_BYTES) : fail('malformed', 'a scalar is not in 1..n-1');
}

/**
 * FIPS 186-5, A.2.1: a scalar in 1..n-1 out of 48 uniformly random (or pseudorandom) bytes.
 * @throws `malformed` for another length.
 */
export function scalarFromSeed(seed: Uint8Array): bigint {
  if (seed.length !== SCALAR_SEED_BYTES) return fail('malformed', 'expected 48 bytes to make a scalar of', { got: seed.length });
  return (bytesToNumberBE(seed) % (ORDER - 1n)) + 1n;
}

export function randomScalar(random: Random): bigint {
  return scalarFromSeed(random(SCALAR_SEED_BYTES));
}

export function addScalars(a: bigint, b: bigint): bigint {
  return Fn.add(a, b);
}

export function multiplyScalars(a: bigint, b: bigint): bigint {
  return Fn.mul(a, b);
}

/** Not constant-time: for public values, such as share numbers. */
export function invertScalar(a: bigint): bigint {
  return Fn.inv(a);
}
