/** An element with a check: the proof binds it to its element, and an answer is taken only if it is k times both. */

import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, toHex, utf8 } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { addCheck, CHECKED_BYTES, checkIn, elementIn, isProven, verifiedAnswer } from '../../src/oprf/checked.ts';
import { blind, evaluate } from '../../src/oprf/oprf.ts';
import { add, decodePoint, encodePoint, GENERATOR, multiply, negate, subtract } from '../../src/oprf/point.ts';
import { encodeScalar, invertScalar, ORDER, randomScalar } from '../../src/oprf/scalar.ts';

const guess = (text = '271828') => blind(new Secret(new TextEncoder().encode(text)), systemRandom);
const made = guess();
const checked = addCheck(made.element, made.blind);
const key = () => new Secret(encodeScalar(randomScalar(systemRandom)));
const publicOf = (k: Secret<Uint8Array>) => evaluate(k, encodePoint(GENERATOR));
const answerOf = (k: Secret<Uint8Array>, to = checked) =>
  concatBytes(evaluate(k, elementIn(to)).subarray(1), evaluate(k, checkIn(to)).subarray(1));

describe('a checked element', () => {
  test('begins with the element, is proven, and is the same bytes for the same blind', () => {
    expect(checked).toHaveLength(CHECKED_BYTES);
    expect(elementIn(checked)).toEqual(made.element);
    expect(isProven(checked)).toBe(true);
    expect(addCheck(made.element, made.blind)).toEqual(checked);
  });

  test('is not proven with any byte changed, or cut, or longer', () => {
    fc.assert(
      fc.property(fc.nat(CHECKED_BYTES - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        expect(isProven(checked.map((byte, i) => (i === at ? byte ^ difference : byte)))).toBe(false);
      }),
      { numRuns: 60 },
    );
    expect(isProven(checked.subarray(1))).toBe(false);
    expect(isProven(concatBytes(checked, Uint8Array.of(0)))).toBe(false);
    expect(isProven(new Uint8Array(CHECKED_BYTES))).toBe(false);
  });

  test('has points of the curve in their one spelling, or is not proven', () => {
    const offCurve = Uint8Array.of(2, ...new Uint8Array(32).fill(7));
    // p + 5, where 5 is the x of a point.
    const notBelowP = Uint8Array.of(2, ...Buffer.from('ffffffff00000001000000000000000000000001000000000000000000000004', 'hex'));
    for (const point of [offCurve, notBelowP, new Uint8Array(33)]) {
      expect(isProven(concatBytes(point, checked.subarray(33)))).toBe(false);
      expect(isProven(concatBytes(checked.subarray(0, 33), point, checked.subarray(66)))).toBe(false);
    }
  });

  test('carries no second guess: the element of another one in place of its check is not proven', () => {
    const second = guess('314159');
    const other = addCheck(second.element, second.blind);
    for (const check of [elementIn(other), checkIn(other), encodePoint(negate(decodePoint(checkIn(checked))))]) {
      expect(isProven(concatBytes(elementIn(checked), check, checked.subarray(66)))).toBe(false);
      expect(isProven(concatBytes(elementIn(checked), check, other.subarray(66)))).toBe(false);
    }
  });

  // With a challenge that leaves the check out, whoever wants a second guess W solves for it: B' = (z * B + y * G - W) / c.
  test('is not proven when its check was chosen after the challenge', () => {
    const W = decodePoint(guess('314159').element);
    const challenge = (...parts: readonly Uint8Array[]) =>
      BigInt(`0x${toHex(sha256(concatBytes(utf8('holdfast/v1/checked'), ...parts)).subarray(0, 16))}`);
    const [z, y] = [randomScalar(systemRandom), randomScalar(systemRandom)];
    const c = challenge(made.element, encodePoint(W));
    const check = multiply(subtract(add(multiply(decodePoint(made.element), z), multiply(GENERATOR, y)), W), invertScalar(c));
    expect(isProven(concatBytes(made.element, encodePoint(check), ...[c, z, y].map(encodeScalar)))).toBe(false);
  });
});

describe('an answer', () => {
  test('of the share gives k * B with the right sign, for every key', () => {
    for (const k of [...Array.from({ length: 20 }, key), new Secret(encodeScalar(1n)), new Secret(encodeScalar(ORDER - 1n))]) {
      expect(toHex(verifiedAnswer(made.blind, publicOf(k), answerOf(k)) ?? new Uint8Array())).toBe(toHex(evaluate(k, made.element)));
    }
  });

  test('of another share, of another guess, or altered in any part is not taken', () => {
    const [k, other] = [key(), key()];
    const publicShare = publicOf(k);
    const right = answerOf(k);
    const second = guess();
    const shifted = encodePoint(add(decodePoint(evaluate(k, made.element)), GENERATOR)).subarray(1);
    const wrong = [
      answerOf(other),
      answerOf(k, addCheck(second.element, second.blind)),
      concatBytes(answerOf(other).subarray(0, 32), right.subarray(32)),
      concatBytes(right.subarray(0, 32), answerOf(other).subarray(32)),
      concatBytes(shifted, right.subarray(32)),
      concatBytes(right.subarray(32), right.subarray(0, 32)),
      right.subarray(1),
      new Uint8Array(64),
      new Uint8Array(64).fill(0xff),
    ];
    for (const answer of wrong) expect(verifiedAnswer(made.blind, publicShare, answer)).toBeUndefined();
    expect(verifiedAnswer(second.blind, publicShare, right)).toBeUndefined();
    expect(verifiedAnswer(made.blind, publicOf(other), right)).toBeUndefined();
  });

  test('of a liar that scales both parts alike is not taken: the public share is in the check', () => {
    const k = key();
    const doubled = (of: Uint8Array) => encodePoint(multiply(decodePoint(evaluate(k, of)), 2n)).subarray(1);
    expect(verifiedAnswer(made.blind, publicOf(k), concatBytes(doubled(elementIn(checked)), doubled(checkIn(checked))))).toBeUndefined();
  });
});
