/**
 * An element with a check, so that each node's answer proves itself. A token cannot prove that it used its share (RFC 9497,
 * section 2.2.1, needs arithmetic on the key), but it can multiply twice:
 *
 *   client: B  = b * H(passcode)          as ever (oprf.ts)
 *           B' = a * B + r * G            a, r random; with a proof that the client knows them
 *   node:   x(k * B), x(k * B')           two derives inside the token
 *   client: takes Z with x(Z) = x(k * B) if x(a * Z + r * K) = x(k * B') for one of the two signs of Z
 *
 * Since k * B' = a * (k * B) + r * K, the right answer passes. For given B and B' there is one r for every a, and nothing that a
 * node sees tells which: so a wrong Z passes with a probability of about 4 / 2^256 (docs/design.md, "Answers prove themselves").
 *
 * The proof keeps B' from being a second guess: who knows a and r can compute k * B' from Z and K, and learns nothing from it.
 * It is Okamoto's proof of a representation (CRYPTO '92), made non-interactive by hashing:
 *
 *   T = s * B + u * G;   c = 16 bytes of SHA-256( "holdfast/v1/checked" || B || B' || T );   z = s + c * a;   y = u + c * r
 *   element = 33 B | 33 B' | 32 c | 32 z | 32 y          162 bytes
 *
 * a, r, s, u follow from the blind by HKDF-SHA256, so that a guess that is repeated is the same bytes.
 */
import { bytesToNumberBE } from '@noble/curves/utils.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, utf8 } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import {
  add,
  decodePoint,
  encodePoint,
  GENERATOR,
  multiply,
  multiplyPublic,
  negate,
  type Point,
  pointWithX,
  subtract,
  xCoordinate,
} from './point.ts';
import { addScalars, decodeScalar, encodeScalar, multiplyScalars, SCALAR_SEED_BYTES, scalarFromSeed } from './scalar.ts';

const POINT = 33;
const SCALAR = 32;
/** A forged proof passes with a probability of 2^-128; half the scalar is half of that multiplication at every node. */
const CHALLENGE = 16;
/** Of an element with its check and proof. */
export const CHECKED_BYTES = 2 * POINT + 3 * SCALAR;
/** Of a node's answer: two x coordinates. */
const ANSWER_BYTES = 2 * SCALAR;

const DOMAIN = utf8('holdfast/v1/checked');

/** B, 33 bytes. */
export const elementIn = (checked: Uint8Array): Uint8Array => checked.subarray(0, POINT);
/** B', 33 bytes. */
export const checkIn = (checked: Uint8Array): Uint8Array => checked.subarray(POINT, 2 * POINT);

/**
 * @param element B, 33 bytes
 * @param blind its blind, 32 bytes
 * @returns 162 bytes
 */
export function addCheck(element: Uint8Array, blind: Secret<Uint8Array>): Uint8Array {
  const { a, r, s, u } = scalarsOf(blind);
  const B = decodePoint(element);
  const check = encodePoint(add(multiply(B, a), multiply(GENERATOR, r)));
  const commitment = encodePoint(add(multiply(B, s), multiply(GENERATOR, u)));
  const c = challenge(element, check, commitment);
  const [z, y] = [addScalars(s, multiplyScalars(c, a)), addScalars(u, multiplyScalars(c, r))];
  return concatBytes(element, check, encodeScalar(c), encodeScalar(z), encodeScalar(y));
}

/** Whether these are 162 bytes whose maker knows a and r with B' = a * B + r * G. */
export function isProven(checked: Uint8Array): boolean {
  if (checked.length !== CHECKED_BYTES) return false;
  try {
    const [B, check] = [decodePoint(elementIn(checked)), decodePoint(checkIn(checked))];
    const [c, z, y] = [0, 1, 2].map((i) => decodeScalar(checked.subarray(2 * POINT + i * SCALAR, 2 * POINT + (i + 1) * SCALAR)));
    if (c === undefined || z === undefined || y === undefined) return false;
    const commitment = subtract(add(multiplyPublic(B, z), multiply(GENERATOR, y)), multiplyPublic(check, c));
    return challenge(elementIn(checked), checkIn(checked), encodePoint(commitment)) === c;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'malformed') return false;
    throw error;
  }
}

/**
 * Z = k * B, 33 bytes, if the answer is right for the share whose public share is K.
 * @param blind of the guess, 32 bytes
 * @param publicShare K, 33 bytes
 * @param answer x(k * B) and x(k * B'), 64 bytes
 * @returns nothing for a wrong answer
 */
export function verifiedAnswer(blind: Secret<Uint8Array>, publicShare: Uint8Array, answer: Uint8Array): Uint8Array | undefined {
  if (answer.length !== ANSWER_BYTES) return undefined;
  const { a, r } = scalarsOf(blind);
  const offset = multiplyPublic(decodePoint(publicShare), r);
  const expected = answer.subarray(SCALAR);
  const Z = liftX(answer.subarray(0, SCALAR));
  if (Z === undefined) return undefined;
  const scaled = multiplyPublic(Z, a);
  if (hasX(add(scaled, offset), expected)) return encodePoint(Z);
  return hasX(subtract(offset, scaled), expected) ? encodePoint(negate(Z)) : undefined;
}

function scalarsOf(blind: Secret<Uint8Array>) {
  const key = extract(sha256, blind.reveal(), DOMAIN);
  const scalar = (name: string): bigint => scalarFromSeed(expand(sha256, key, utf8(name), SCALAR_SEED_BYTES));
  return { a: scalar('a'), r: scalar('r'), s: scalar('s'), u: scalar('u') };
}

function challenge(element: Uint8Array, check: Uint8Array, commitment: Uint8Array): bigint {
  return bytesToNumberBE(sha256(concatBytes(DOMAIN, element, check, commitment)).subarray(0, CHALLENGE));
}

function liftX(x: Uint8Array): Point | undefined {
  try {
    return pointWithX(x);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'malformed') return undefined;
    throw error;
  }
}

function hasX(point: Point, x: Uint8Array): boolean {
  return !point.is0() && equalBytes(xCoordinate(point), x);
}
