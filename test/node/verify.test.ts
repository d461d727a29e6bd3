import { p256 } from '@noble/curves/nist.js';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { fastVerify } from '../../src/node/verify.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';

const verify = fastVerify();
const { secretKey, publicKey } = p256.keygen();
const bytes = utf8('what was said');
const signature = p256.sign(bytes, secretKey, { prehash: true, format: 'compact' });
const changed = (of: Uint8Array, at: number) => of.map((byte, i) => (i === at ? byte ^ 1 : byte));

function offCurve(): Uint8Array {
  for (let x = 1; ; x += 1) {
    const bytes = Uint8Array.of(2, ...new Uint8Array(31), x);
    try {
      p256.Point.fromBytes(bytes);
    } catch {
      return bytes;
    }
  }
}

describe('OpenSSL and JavaScript agree', () => {
  test.each<[string, Uint8Array, Uint8Array, Uint8Array]>([
    ['a signature', publicKey, bytes, signature],
    ['other bytes', publicKey, utf8('what was not said'), signature],
    ['r changed', publicKey, bytes, changed(signature, 3)],
    ['s changed', publicKey, bytes, changed(signature, 40)],
    ['no r', publicKey, bytes, signature.map((byte, i) => (i < 32 ? 0 : byte))],
    ['no s', publicKey, bytes, signature.map((byte, i) => (i < 32 ? byte : 0))],
    ['all ones', publicKey, bytes, new Uint8Array(64).fill(255)],
    ['the negative point', changed(publicKey, 0), bytes, signature],
    ['one byte less', publicKey, bytes, signature.subarray(1)],
    ['one byte more', publicKey, bytes, Uint8Array.of(...signature, 0)],
    ['nothing', publicKey, bytes, new Uint8Array()],
  ])('%s', (_, key, said, signed) => {
    expect(verify(key, said, signed)).toBe(verifyP256(key, said, signed));
  });

  test('also when it was shown before: what did not verify still does not', () => {
    const verdict = () => [verify(publicKey, bytes, signature), verify(publicKey, bytes, changed(signature, 5))];
    expect([verdict(), verdict()]).toEqual([
      [true, false],
      [true, false],
    ]);
    // The same bytes in a row, cut in other places.
    expect(verify(publicKey, Uint8Array.of(signature[63] ?? 0, ...bytes), signature.subarray(0, 63))).toBe(false);
  });

  test('what is known to be signed is taken as it is, and nothing beside it', () => {
    const knowing = fastVerify();
    const made = new Uint8Array(64).fill(1);
    expect(knowing(publicKey, bytes, made)).toBe(false);
    knowing.know(publicKey, bytes, made);
    expect(knowing(publicKey, bytes, made)).toBe(true);
    expect(knowing(publicKey, changed(bytes, 0), made)).toBe(false);
    expect(knowing(changed(publicKey, 0), bytes, made)).toBe(false);
  });

  test('a signature with high s is taken: tokens make them', () => {
    const { r, s } = p256.Signature.fromBytes(signature, 'compact');
    const high = new p256.Signature(r, p256.Point.Fn.ORDER - s).toBytes('compact');
    expect([verify(publicKey, bytes, high), verify(publicKey, bytes, signature)]).toEqual([true, true]);
  });

  test.each<[string, Uint8Array]>([
    ['off the curve', offCurve()],
    ['outside the field', Uint8Array.of(2, ...new Uint8Array(32).fill(255))],
    ['another prefix', changed(publicKey, 0).map((byte, i) => (i === 0 ? 5 : byte))],
    ['32 bytes', publicKey.subarray(1)],
    ['the identity', Uint8Array.of(0)],
  ])('a key %s is refused by name', (_, key) => {
    expect(() => verify(key, bytes, signature)).toThrow(expect.objectContaining({ code: 'malformed' }));
    expect(() => verifyP256(key, bytes, signature)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
