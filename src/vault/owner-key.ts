/**
 * The owner key of an account: a P-256 key pair that is derived from the backup key, so that every device that holds the
 * backup key has it without asking anybody.
 *
 *   seed   = HKDF-SHA256 (RFC 5869) of the backup key, no salt, info "holdfast/v1/owner-key", 48 bytes
 *   scalar = seed by FIPS 186-5, A.2.1
 *
 * Its public key stands in every registration of the account. It approves registrations at once and objects to announced
 * ones; it opens nothing. It is the same in every fleet, so that a newer fleet knows the owner when an account moves: nodes
 * of two fleets can tell by it that two accounts are one, which the account id tells them already.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { encodeScalar, SCALAR_SEED_BYTES, scalarFromSeed } from '../oprf/scalar.ts';

const INFO = utf8('holdfast/v1/owner-key');

/** The scalar, 32 bytes. @param backupKey 32 bytes */
export function ownerScalar(backupKey: Secret<Uint8Array>): Secret<Uint8Array> {
  assert(backupKey.reveal().length === 32, 'a backup key has 32 bytes');
  return new Secret(encodeScalar(scalarFromSeed(hkdf(sha256, backupKey.reveal(), undefined, INFO, SCALAR_SEED_BYTES))));
}
