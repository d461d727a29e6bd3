/**
 * Seals one share of an OPRF key for one node, with nothing but what a token can undo by itself (mechanisms of PKCS#11
 * v2.40 and later, and RFC 5649), so that on the server side the share is never in clear outside it:
 *
 *   shared  = x(e * SealingKey)                      32 bytes     CKM_ECDH1_DERIVE with CKD_NULL, an AES-256 key
 *   kek     = AES-256-CBC(shared, iv = 0, context)   32 bytes     CKM_AES_CBC_ENCRYPT_DATA, no padding
 *   wrapped = AES-KWP(kek, PKCS#8 of the share)      152 bytes    C_UnwrapKey
 *
 * The context is the hash of all that the share belongs to: fleet, node, slot, generation, registration. It enters the
 * key, so a share lifted into another registration does not open there, whatever the node's code believes.
 *
 * The zero IV and the bare x coordinate are sound because e is fresh: `shared` is used for this one derivation, and
 * `kek` for this one wrapping.
 */
import { aeskwp, cbc } from '@noble/ciphers/aes.js';
import { assert } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import { decodePoint, encodePoint, GENERATOR, multiply, xCoordinate } from '../oprf/point.ts';
import { randomScalar } from '../oprf/scalar.ts';
import { encodePkcs8 } from './pkcs8.ts';

const CONTEXT_BYTES = 32;
/** RFC 5649, section 4.1: 138 bytes, padded to 144, and 8 of integrity check. */
export const WRAPPED_BYTES = 152;

const ZERO_IV = new Uint8Array(16);

export interface SealedShare {
  /** e * G: 33 bytes. */
  readonly ephemeralKey: Uint8Array;
  /** 152 bytes. */
  readonly wrapped: Uint8Array;
}

export interface Sealing {
  /** 32 bytes. */
  readonly share: Secret<Uint8Array>;
  /** The node's sealing key as the fleet's entry names it: 33 bytes. */
  readonly sealingKey: Uint8Array;
  /** The 32-byte context, which names the ephemeral key (33 bytes) too: hence a function of it. */
  readonly context: (ephemeralKey: Uint8Array) => Uint8Array;
  readonly random: Random;
}

/** @throws `malformed` unless the share is a scalar and the sealing key a point. */
export function sealShare({ share, sealingKey, context, random }: Sealing): SealedShare {
  const receiver = decodePoint(sealingKey);
  const ephemeral = randomScalar(random);
  const ephemeralKey = encodePoint(multiply(GENERATOR, ephemeral));
  const contextBytes = context(ephemeralKey);
  assert(contextBytes.length === CONTEXT_BYTES, 'a sealing context has 32 bytes');
  const shared = xCoordinate(multiply(receiver, ephemeral));
  const kek = cbc(shared, ZERO_IV, { disablePadding: true }).encrypt(contextBytes);
  const plain = encodePkcs8(share);
  try {
    return { ephemeralKey, wrapped: aeskwp(kek).encrypt(plain) };
  } finally {
    for (const secret of [shared, kek, plain]) secret.fill(0);
  }
}
