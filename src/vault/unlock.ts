/**
 * The unlock key: a P-256 key pair that only the right passcode yields (hardening.ts). It signs activations,
 * confirmations, replacements and deletions; its public key stands in the registration.
 *
 * ECDSA with SHA-256 (FIPS 186-5, section 6), as r and s of 32 bytes each. Nonces are deterministic (RFC 6979): the same
 * statement sent again has the same signature, and a device with bad randomness gives no key away. Signatures with high s
 * are made and taken, because tokens make them and PKCS#11 knows no other: what is signed names its slot, generation and
 * attempt, so a second valid signature for the same bytes gains nothing.
 */
import { p256 } from '@noble/curves/nist.js';
import type { Secret } from '../base/secret.ts';
import { decodePoint, encodePoint, GENERATOR, multiply } from '../oprf/point.ts';
import { decodeScalar } from '../oprf/scalar.ts';

const SIGNATURE_BYTES = 64;

const OPTIONS = { prehash: true, lowS: false, format: 'compact' } as const;

/** The public key of a scalar: 33 bytes. @throws `malformed` unless `scalar` is 32 bytes in 1..n-1. */
export function publicKeyOf(scalar: Secret<Uint8Array>): Uint8Array {
  return encodePoint(multiply(GENERATOR, decodeScalar(scalar.reveal())));
}

/** r and s over SHA-256 of `bytes`: 64 bytes. @throws `malformed` unless `scalar` is 32 bytes in 1..n-1. */
export function signWithUnlock(scalar: Secret<Uint8Array>, bytes: Uint8Array): Uint8Array {
  decodeScalar(scalar.reveal());
  return p256.sign(bytes, scalar.reveal(), OPTIONS);
}

/**
 * Whether `signature` (r and s, 64 bytes) over SHA-256 of `bytes` is by the holder of `publicKey`, here and in browsers.
 * Anything else in place of a signature is simply not one.
 * @throws `malformed` unless `publicKey` is a point of 33 bytes: it comes from a verified entry or registration.
 */
export function verifyP256(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  decodePoint(publicKey);
  return signature.length === SIGNATURE_BYTES && p256.verify(signature, bytes, publicKey, OPTIONS);
}
