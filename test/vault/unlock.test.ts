import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { decodePoint, encodeUncompressed } from '../../src/oprf/point.ts';
import { encodeScalar, ORDER, scalarFromSeed } from '../../src/oprf/scalar.ts';
import { publicKeyOf, signWithUnlock, verifyP256 } from '../../src/vault/unlock.ts';

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const utf8 = (text: string) => new TextEncoder().encode(text);
const scalars = fc.uint8Array({ minLength: 48, maxLength: 48 }).map((seed) => new Secret(encodeScalar(scalarFromSeed(seed))));

/** RFC 6979, Appendix A.2.5: P-256 with SHA-256. One signature has a high s, the other a low one. */
const rfc6979 = {
  x: new Secret(bytes('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')),
  sample:
    'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' + 'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  test:
    'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367' + '019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
};

test.for(['sample', 'test'] as const)('RFC 6979, Appendix A.2.5: message %s', (message) => {
  const signature = signWithUnlock(rfc6979.x, utf8(message));
  expect(hex(signature)).toBe(rfc6979[message]);
  expect(verifyP256(publicKeyOf(rfc6979.x), utf8(message), signature)).toBe(true);
});

test('OpenSSL verifies what is signed here, and the other way round, with high s and low', () => {
  fc.assert(
    fc.property(scalars, fc.uint8Array(), (scalar, message) => {
      const point = encodeUncompressed(decodePoint(publicKeyOf(scalar)));
      const jwk = {
        kty: 'EC',
        crv: 'P-256',
        x: Buffer.from(point.subarray(1, 33)).toString('base64url'),
        y: Buffer.from(point.subarray(33)).toString('base64url'),
      };
      const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
      expect(verify('sha256', message, key, signWithUnlock(scalar, message))).toBe(true);
    }),
    { numRuns: 20 },
  );
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string };
  const sign2 = ((Buffer.from(y, 'base64url').at(-1) as number) & 1) + 2;
  const compressed = Uint8Array.of(sign2, ...Buffer.from(x, 'base64url'));
  const halves = new Set<boolean>();
  for (let i = 0; i < 64; i++) {
    const message = Uint8Array.of(i);
    const signature = new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    halves.add(BigInt(`0x${hex(signature.subarray(32))}`) > ORDER / 2n);
    expect(verifyP256(compressed, message, signature)).toBe(true);
  }
  expect(halves.size).toBe(2);
});

test('another message, key or byte, zeros, and another length are not signatures', () => {
  const publicKey = publicKeyOf(rfc6979.x);
  const signature = bytes(rfc6979.sample);
  expect(verifyP256(publicKey, utf8('sampl'), signature)).toBe(false);
  expect(verifyP256(publicKeyOf(new Secret(encodeScalar(7n))), utf8('sample'), signature)).toBe(false);
  for (let i = 0; i < 64; i++) {
    const changed = signature.map((byte, at) => (at === i ? byte ^ 1 : byte));
    expect(verifyP256(publicKey, utf8('sample'), changed)).toBe(false);
  }
  for (const other of [
    new Uint8Array(0),
    new Uint8Array(64),
    new Uint8Array(64).fill(255),
    signature.subarray(1),
    Uint8Array.of(...signature, 0),
  ]) {
    expect(verifyP256(publicKey, utf8('sample'), other)).toBe(false);
  }
});

test('a public key that is no point, and a scalar out of range, are refused', () => {
  const malformed = expect.objectContaining({ code: 'malformed' });
  expect(() => verifyP256(new Uint8Array(33), utf8('sample'), bytes(rfc6979.sample))).toThrow(malformed);
  expect(() => signWithUnlock(new Secret(new Uint8Array(32)), utf8('sample'))).toThrow(malformed);
  expect(() => publicKeyOf(new Secret(new Uint8Array(32).fill(255)))).toThrow(malformed);
});
