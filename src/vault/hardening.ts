/**
 * From an OPRF output to the keys of one way in:
 *
 *   OPRF output --Argon2id (kdf.ts), or nothing--> HKDF-SHA256 (RFC 5869) with the registration's salt
 *     info "holdfast/v1/encryption"   32 bytes   encrypts the secret (secretbox.ts)
 *     info "holdfast/v1/commitment"   32 bytes   public: says whether the passcode was right, and commits to the key
 *     info "holdfast/v1/unlock"       48 bytes   the scalar of the unlock key, by FIPS 186-5, A.2.1
 *
 * A client calls it when it registers and when it recovers; nodes see only the commitment and the unlock public key.
 */
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../base/bytes.ts';
import { assert, fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { OUTPUT_BYTES } from '../oprf/oprf.ts';
import { encodeScalar, SCALAR_SEED_BYTES, scalarFromSeed } from '../oprf/scalar.ts';
import { type Argon2idParameters, checkKdfParameters, type KdfParameters } from './kdf.ts';
import { publicKeyOf } from './unlock.ts';

/** RFC 9106, section 3.1: 16 bytes are recommended. */
export const SALT_BYTES = 16;
const HARDENED_BYTES = 32;

/**
 * RFC 9106, version 0x13, without secret and associated data; 32 bytes out. To be replaced where something faster exists
 * (`crypto.argon2` of Node, WebAssembly).
 */
export type Argon2id = (password: Uint8Array, salt: Uint8Array, parameters: Argon2idParameters) => Promise<Uint8Array> | Uint8Array;

export interface WayInKeys {
  /** 32 bytes; for one encryption. */
  readonly encryptionKey: Secret<Uint8Array>;
  /** 32 bytes, public. */
  readonly commitment: Uint8Array;
  readonly unlock: {
    /** 32 bytes. */
    readonly scalar: Secret<Uint8Array>;
    /** 33 bytes, public. */
    readonly publicKey: Uint8Array;
  };
}

const argon2idOfNoble: Argon2id = (password, salt, { memoryKiB, passes, parallelism }) =>
  argon2idAsync(password, salt, { m: memoryKiB, t: passes, p: parallelism, dkLen: HARDENED_BYTES });

/**
 * @param output the OPRF output, 32 bytes.
 * @param salt 16 random bytes of the registration.
 * @throws `malformed` for another salt, or parameters out of bounds.
 */
export async function harden(
  output: Secret<Uint8Array>,
  salt: Uint8Array,
  parameters: KdfParameters,
  argon2id: Argon2id = argon2idOfNoble,
): Promise<WayInKeys> {
  assert(output.reveal().length === OUTPUT_BYTES, 'an OPRF output has 32 bytes');
  if (salt.length !== SALT_BYTES) fail('malformed', 'expected a salt of 16 bytes', { got: salt.length });
  checkKdfParameters(parameters);
  const hardened = parameters.kind === 'none' ? output.reveal() : await argon2id(output.reveal(), salt, parameters);
  assert(hardened.length === HARDENED_BYTES, 'Argon2id gives 32 bytes');
  const pseudorandom = extract(sha256, hardened, salt);
  const derive = (purpose: string, length: number) => expand(sha256, pseudorandom, utf8(`holdfast/v1/${purpose}`), length);
  const scalar = new Secret(encodeScalar(scalarFromSeed(derive('unlock', SCALAR_SEED_BYTES))));
  return {
    encryptionKey: new Secret(derive('encryption', 32)),
    commitment: derive('commitment', 32),
    unlock: { scalar, publicKey: publicKeyOf(scalar) },
  };
}
