/** Signing keys with fixed scalars; verification by OpenSSL, which did not write what it checks. */
import { createPublicKey, verify } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { toBase64url } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { publicKeyOf, signWithUnlock } from '../../src/vault/unlock.ts';
import { keyId, type Sign, type Verify } from '../../src/wire/signed.ts';

const verifyWithOpenssl: Verify = (publicKey, bytes, signature) => {
  const point = p256.Point.fromBytes(publicKey).toBytes(false);
  const jwk = { kty: 'EC', crv: 'P-256', x: toBase64url(point.slice(1, 33)), y: toBase64url(point.slice(33)) };
  return verify('sha256', bytes, { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, signature);
};

export function signing(seed: number) {
  const scalar = new Secret(new Uint8Array(32).fill(seed));
  const publicKey = publicKeyOf(scalar);
  const sign: Sign = (bytes) => signWithUnlock(scalar, bytes);
  return { id: keyId(publicKey), publicKey, sign, verify: verifyWithOpenssl };
}
