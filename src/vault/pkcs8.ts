/**
 * A P-256 private key as PKCS#8 (RFC 5958) around an ECPrivateKey with its public key (RFC 5915), in DER: always 138
 * bytes, since every field has its fixed length. This is what `C_UnwrapKey` takes for CKK_EC; some tokens refuse it
 * without the public key.
 *
 *   30 81 87                               OneAsymmetricKey
 *      02 01 00                            version v1
 *      30 13 06 07 id-ecPublicKey          privateKeyAlgorithm (RFC 5480)
 *            06 08 secp256r1
 *      04 6d 30 6b                         privateKey: ECPrivateKey
 *            02 01 01                      version
 *            04 20 <32 bytes>              the scalar
 *            a1 44 03 42 00 <65 bytes>     the public key, uncompressed
 */
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import type { Secret } from '../base/secret.ts';
import { encodeUncompressed, GENERATOR, multiply } from '../oprf/point.ts';
import { decodeScalar } from '../oprf/scalar.ts';

export const PKCS8_BYTES = 138;

const BEFORE_SCALAR = hexToBytes('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420');
const BEFORE_PUBLIC_KEY = hexToBytes('a144034200');

/**
 * 138 bytes in clear: the caller wraps them at once and overwrites them.
 * @throws `malformed` unless `scalar` is 32 bytes in 1..n-1.
 */
export function encodePkcs8(scalar: Secret<Uint8Array>): Uint8Array {
  const publicKey = encodeUncompressed(multiply(GENERATOR, decodeScalar(scalar.reveal())));
  return concatBytes(BEFORE_SCALAR, scalar.reveal(), BEFORE_PUBLIC_KEY, publicKey);
}
