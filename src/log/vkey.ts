/**
 * Verifier keys of signed notes (c2sp.org/signed-note, "Verifier keys"), in the two kinds that count here: Ed25519 notes (type
 * 0x01: logs and release keys) and Ed25519 cosignatures with a time (type 0x04, c2sp.org/tlog-cosignature: witnesses).
 *
 *   <name>+<key id, 8 hex digits>+<base64( type | 32 Ed25519 public key )>
 *   key id = SHA-256( name | 0x0A | type | public key )[:4]
 *
 * A key id has 32 bits and only points: whoever can try keys finds one of the same id. What counts is the key itself.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64, toBase64 } from '../base/base64.ts';
import { concatBytes, toHex, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';

/** The type byte: a signature over the note's text, or over the checkpoint with a time. */
export const NOTE_KEY = 0x01;
export const COSIGNATURE_KEY = 0x04;
export type VkeyType = typeof NOTE_KEY | typeof COSIGNATURE_KEY;

export interface Vkey {
  readonly name: string;
  /** 8 lower-case hex digits. */
  readonly keyId: string;
  readonly type: VkeyType;
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array;
  /** The vkey's own spelling. */
  readonly text: string;
}

/** Signs with a key that the caller keeps, usually in a token: raw Ed25519 (RFC 8032), 64 bytes. */
export type SignBytes = (bytes: Uint8Array) => Promise<Uint8Array>;

const NAME_BYTES_MAX = 255;
/** The base64 may have plus signs of its own. */
const VKEY = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/u;

/** Not empty, no Unicode space, no plus, no control character. */
export function isKeyName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  return name.isWellFormed() && name !== '' && utf8(name).length <= NAME_BYTES_MAX && !/[\p{White_Space}+\u0000-\u001f]/u.test(name);
}

/** The recommended key id: `type` is one byte, or 0xff and a longer identifier. */
export function noteKeyId(name: string, type: Uint8Array, key: Uint8Array): string {
  return toHex(sha256(concatBytes(utf8(`${name}\n`), type, key)).subarray(0, 4));
}

/** @throws `malformed` for a name or a key that cannot be one */
export function makeVkey(name: string, type: VkeyType, key: Uint8Array): Vkey {
  if (!isKeyName(name)) fail('malformed', 'a key name is not empty and has neither white space nor a plus', { got: name });
  if (!isPublicKey(key)) fail('malformed', 'expected an Ed25519 public key of 32 bytes', { name });
  const typeByte = Uint8Array.of(type);
  const keyId = noteKeyId(name, typeByte, key);
  return { name, keyId, type, key, text: `${name}+${keyId}+${toBase64(concatBytes(typeByte, key))}` };
}

/** @throws `malformed` unless `text` is the one spelling of a vkey of type 0x01 or 0x04 whose id is that of its key */
export function parseVkey(text: string): Vkey {
  const [, name, keyId, spelled] = VKEY.exec(text) ?? [];
  if (name === undefined || keyId === undefined || spelled === undefined)
    return fail('malformed', 'expected a vkey: <name>+<key id>+<base64 of type and key>');
  const bytes = fromBase64(spelled);
  const type = bytes[0];
  if (type !== NOTE_KEY && type !== COSIGNATURE_KEY)
    return fail('malformed', 'expected a vkey of type 0x01 or 0x04', { got: type ?? 'nothing' });
  const vkey = makeVkey(name, type, bytes.subarray(1));
  return vkey.keyId === keyId ? vkey : fail('malformed', 'the id of a vkey is not that of its key', { got: keyId, expected: vkey.keyId });
}

function isPublicKey(key: Uint8Array): boolean {
  try {
    // Under a key of small order one signature fits many messages.
    return !ed25519.Point.fromBytes(key, false).isSmallOrder();
  } catch {
    return false;
  }
}

/** RFC 8032 to the letter (not ZIP 215): what other programs refuse must not pass here. */
export function verifyEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
}
