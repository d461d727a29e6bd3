/**
 * Keys and signatures as OpenSSL reads them, so that what is published can be checked with tools that are not ours: PEM of a
 * SubjectPublicKeyInfo (RFC 5480 for P-256, RFC 8410 for Ed25519), and an ECDSA signature in DER (RFC 3279, section 2.2.3).
 */
import { toBase64 } from '../../base/base64.ts';
import { concatBytes } from '../../base/bytes.ts';
import { decodePoint, encodeUncompressed } from '../../oprf/point.ts';

const ED25519_HEAD = Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]);
/** SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING of 66 bytes }, up to the point. */
const P256_HEAD = Uint8Array.from([
  ...[0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
  ...[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00],
]);

const LINE = 64;

function pem(der: Uint8Array): string {
  const lines = toBase64(der).match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
}

/** @param key 33 bytes, compressed @throws `malformed` */
export function p256Pem(key: Uint8Array): string {
  return pem(concatBytes(P256_HEAD, encodeUncompressed(decodePoint(key))));
}

/** @param key 32 bytes */
export function ed25519Pem(key: Uint8Array): string {
  return pem(concatBytes(ED25519_HEAD, key));
}

/** @param signature r and s, 32 bytes each */
export function derSignature(signature: Uint8Array): Uint8Array {
  const body = concatBytes(derInteger(signature.subarray(0, 32)), derInteger(signature.subarray(32)));
  return concatBytes(Uint8Array.of(0x30, body.length), body);
}

/** Without leading zeros, and with one where the first bit would read as a sign. */
function derInteger(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(first < 0 ? bytes.length - 1 : first);
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return concatBytes(Uint8Array.of(0x02, sign.length + digits.length, ...sign), digits);
}
