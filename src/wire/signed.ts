/**
 * A statement with its signature. It travels and is stored as the bytes that were signed; what it says is always read from
 * those bytes, never from beside them.
 *
 * JSON: { "signed": base64url, "signature": base64url (64 bytes r||s) }
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { type Id, idFromBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { decodeMessage, encodeMessage, type Message, type MessageType } from './message.ts';

/** ECDSA P-256 over SHA-256(bytes); the public key is 33 bytes compressed, the signature 64 bytes r||s. */
export type Verify = (publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => boolean;
export type Sign = (bytes: Uint8Array) => Uint8Array;

export interface Signed {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** The id under which a key signs: SHA-256 of its 33 bytes. */
export function keyId(publicKey: Uint8Array): Id {
  return idFromBytes(sha256(publicKey));
}

export function hash(bytes: Uint8Array): Id {
  return idFromBytes(sha256(bytes));
}

export function signMessage<T extends MessageType>(type: T, message: Message<T>, sign: Sign): Signed {
  const bytes = encodeMessage(type, message);
  return { bytes, signature: sign(bytes) };
}

/**
 * What a signed statement says, once it is certain who said it.
 * @param keyOf the public key that a signer id stands for in this fleet and context, if any
 * @throws `malformed`, `wrong-fleet`, `not-signed`
 */
export function readSigned<T extends MessageType>(
  type: T,
  { bytes, signature }: Signed,
  fleet: Id,
  keyOf: (signer: Id) => Uint8Array | undefined,
  verify: Verify,
): Message<T> {
  const message = decodeMessage(type, bytes);
  // A statement of another fleet must not count here, even when nodes share an operator (attack: cross-fleet replay).
  if (message.fleet !== fleet) fail('wrong-fleet', `expected a ${type} of this fleet`);
  const key = keyOf(message.signer);
  if (key === undefined) fail('not-signed', `the signer of this ${type} has no standing here`);
  if (signature.length !== 64 || !verify(key, bytes, signature)) fail('not-signed', `the signature of this ${type} does not verify`);
  return message;
}
