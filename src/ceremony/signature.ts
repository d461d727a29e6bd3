/**
 * Signatures under a transcript (docs/formats.md, "Transcript"). One is a line of the chain and covers all lines before it, and
 * itself up to the signature:
 *
 *   u8 length | "holdfast/v1/ceremony/signature" | u32 sequence | 32 previous | text time | text role | text name
 *
 * Ed25519 (RFC 8032), or ECDSA P-256 over SHA-256, 64 bytes r||s with the lower of the two possible s: one spelling each.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { concatBytes, fromBase64url, type Id, toBase64url, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { decodeUncompressed, encodePoint } from '../oprf/point.ts';
import { spkiOf } from '../web/peer-trust.ts';
import { id, struct, text, u32 } from '../wire/field.ts';
import type { Role } from './people.ts';

export interface Signing {
  readonly sequence: number;
  readonly previous: Id;
  readonly time: string;
  readonly role: Role;
  readonly name: string;
}

const DOMAIN = utf8('holdfast/v1/ceremony/signature');
const fields = struct({ sequence: u32, previous: id, time: text(32), role: text(16), name: text(255) });

export function bytesToSign(signing: Signing): Uint8Array {
  return concatBytes(Uint8Array.of(DOMAIN.length), DOMAIN, fields.write(signing));
}

/** Order of P-256's group. */
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410, section 4), up to the key. */
const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const IEEE = 'ieee-p1363' as const;

const sOf = (signature: Uint8Array): bigint => BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
const isLow = (signature: Uint8Array): boolean => sOf(signature) <= ORDER / 2n;

/** A device gives either s. */
export function lowered(signature: Uint8Array): Uint8Array {
  if (isLow(signature)) return signature;
  const s = (ORDER - sOf(signature)).toString(16).padStart(64, '0');
  return concatBytes(signature.subarray(0, 32), Uint8Array.from(Buffer.from(s, 'hex')));
}

/** @param key of a person: 32 or 33 bytes, base64url */
export function isSignedBy(key: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const raw = fromBase64url(key);
  const ed25519 = raw.length === 32;
  const der = ed25519 ? Buffer.concat([ED25519_HEAD, raw]) : Buffer.from(spkiOf(raw));
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (ed25519) return verify(null, bytes, publicKey, signature);
  return isLow(signature) && verify('sha256', bytes, { key: publicKey, dsaEncoding: IEEE }, signature);
}

/** A person's signing key. */
export interface Hand {
  /** As the ceremony's parameters name it. */
  readonly key: string;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * From a PEM file, as OpenSSL and `holdfast ceremony key` write it.
 * @param passphrase of an encrypted one
 * @throws `configuration`
 */
export function handFromPem(pem: string, passphrase?: string): Hand {
  const key = readPem(pem, passphrase);
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  if (key.asymmetricKeyType === 'ed25519')
    return { key: toBase64url(publicKey.subarray(-32)), sign: async (bytes) => new Uint8Array(sign(null, bytes, key)) };
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
    return {
      key: toBase64url(encodePoint(decodeUncompressed(publicKey.subarray(-65)))),
      sign: async (bytes) => lowered(new Uint8Array(sign('sha256', bytes, { key, dsaEncoding: IEEE }))),
    };
  }
  return fail('configuration', 'a signing key is Ed25519 or P-256', { got: key.asymmetricKeyType ?? 'unknown' });
}

function readPem(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    return fail('configuration', 'this is no private key in PEM, or its passphrase is another', {}, error);
  }
}
