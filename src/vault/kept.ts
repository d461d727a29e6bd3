/**
 * What lets a device that holds the backup key deal a registration anew without the passcode: the OPRF key and the unlock
 * key of the registration, encrypted under the backup key (docs/design.md, "Moving without the passcode").
 *
 *   kept   = salt (16) || ChaCha20-Poly1305 (RFC 8439) ciphertext (64) and tag (16)          96 bytes
 *   clear  = OPRF key (32) || scalar of the unlock key (32)
 *   key    = HKDF-SHA256 (RFC 5869) of the backup key with this salt, info "holdfast/v1/kept"; nonce zero: one key, one use
 *   bound  = "holdfast/v1/kept" || slot id (32) || unlock key (33) || salt of the hardening || encrypted secret (80)
 *
 * The bound bytes are the associated data. (Attack: somebody with the login copies `kept` out of the owner's registration into
 * one of his own, and the owner's device carries his encrypted secret to the next fleet.) The fleet is not among them, so that
 * the same bytes go on to the next fleet.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, type Id, idToBytes, utf8 } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';

const SALT_BYTES = 16;
const SCALAR_BYTES = 32;
const TAG_BYTES = 16;
export const KEPT_BYTES = SALT_BYTES + 2 * SCALAR_BYTES + TAG_BYTES;

const DOMAIN = utf8('holdfast/v1/kept');
const ZERO_NONCE = new Uint8Array(12);

export interface Kept {
  /** The registration's OPRF key, 32 bytes. */
  readonly oprfKey: Secret<Uint8Array>;
  /** The scalar of its unlock key, 32 bytes. */
  readonly unlock: Secret<Uint8Array>;
}

/** The parts of a registration that what is kept belongs to. */
export interface KeptFor {
  readonly slot: Id;
  /** 33 bytes. */
  readonly unlockKey: Uint8Array;
  /** Of the hardening, 16 bytes. */
  readonly salt: Uint8Array;
  /** The encrypted secret, 80 bytes. */
  readonly secret: Uint8Array;
}

/** 96 bytes. @param backupKey 32 bytes */
export function sealKept(backupKey: Secret<Uint8Array>, of: KeptFor, { oprfKey, unlock }: Kept, random: Random): Uint8Array {
  const clear = concatBytes(oprfKey.reveal(), unlock.reveal());
  assert(clear.length === 2 * SCALAR_BYTES, 'an OPRF key and an unlock key have 32 bytes each');
  const salt = random(SALT_BYTES);
  return concatBytes(salt, cipherOf(backupKey, salt, of).encrypt(clear));
}

/** @returns undefined when it was made under another backup key, or for other parts than these */
export function openKept(backupKey: Secret<Uint8Array>, of: KeptFor, kept: Uint8Array): Kept | undefined {
  if (kept.length !== KEPT_BYTES) return undefined;
  let clear: Uint8Array;
  try {
    clear = cipherOf(backupKey, kept.subarray(0, SALT_BYTES), of).decrypt(kept.subarray(SALT_BYTES));
  } catch {
    return undefined;
  }
  return { oprfKey: new Secret(clear.slice(0, SCALAR_BYTES)), unlock: new Secret(clear.slice(SCALAR_BYTES)) };
}

function cipherOf(backupKey: Secret<Uint8Array>, salt: Uint8Array, { slot, unlockKey, salt: hardening, secret }: KeptFor) {
  const key = hkdf(sha256, backupKey.reveal(), salt, DOMAIN, 32);
  return chacha20poly1305(key, ZERO_NONCE, concatBytes(DOMAIN, idToBytes(slot), unlockKey, hardening, secret));
}
