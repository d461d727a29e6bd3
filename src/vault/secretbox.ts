/**
 * The encryption of the 32-byte backup key under one way in. 80 bytes, for every way in alike, so that neither its size
 * nor its shape tells a passcode from a passkey:
 *
 *   commitment (32) || ChaCha20-Poly1305 (RFC 8439) ciphertext (32) and tag (16)
 *
 * The nonce is zero: the encryption key comes from an OPRF key made for this registration, and encrypts this one message
 * (RFC 8439, section 2.8: a nonce must not repeat under one key; this key has one use).
 *
 * ChaCha20-Poly1305 alone does not commit to its key: a malicious record could open under several passcodes, and each
 * guess would test all of them (partitioning oracles, USENIX Security 2021). Commitment and key are two outputs of HKDF
 * for one input, so a record that fits two passcodes is a collision of SHA-256.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { equalBytes } from '@noble/ciphers/utils.js';
import { concatBytes } from '../base/bytes.ts';
import { alarm, assert, fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { WayInKeys } from './hardening.ts';

const SECRET_BYTES = 32;
const COMMITMENT_BYTES = 32;
export const BOX_BYTES = COMMITMENT_BYTES + SECRET_BYTES + 16;

const ZERO_NONCE = new Uint8Array(12);

type BoxKeys = Pick<WayInKeys, 'encryptionKey' | 'commitment'>;

/** 80 bytes. To be called once per registration: two secrets under one key would give their difference away. */
export function sealSecret({ encryptionKey, commitment }: BoxKeys, secret: Secret<Uint8Array>): Uint8Array {
  assert(secret.reveal().length === SECRET_BYTES, 'the secret has 32 bytes');
  return concatBytes(commitment, chacha20poly1305(encryptionKey.reveal(), ZERO_NONCE).encrypt(secret.reveal()));
}

/**
 * The secret, or undefined when these keys come from another passcode (or from wrong answers of the fleet).
 * @throws `malformed` unless `box` has 80 bytes; `alarm` when the commitment fits and the ciphertext does not: whoever
 *   registered knew the keys and stored something else, or the record was changed after it was certified.
 */
export function openSecret({ encryptionKey, commitment }: BoxKeys, box: Uint8Array): Secret<Uint8Array> | undefined {
  if (box.length !== BOX_BYTES) return fail('malformed', 'an encrypted secret has 80 bytes', { got: box.length });
  if (!equalBytes(box.subarray(0, COMMITMENT_BYTES), commitment)) return undefined;
  try {
    return new Secret(chacha20poly1305(encryptionKey.reveal(), ZERO_NONCE).decrypt(box.subarray(COMMITMENT_BYTES)));
  } catch {
    return alarm('the commitment fits and the ciphertext does not');
  }
}
