/**
 * Bytes and their spellings. Identifiers (slots, digests, nodes, fleets) are 32 bytes and are carried as lower-case hex
 * strings, so that they compare with `===` and serve as map keys; everything else that is binary is a `Uint8Array`.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { fail } from './errors.ts';

export { bytesToHex as toHex, concatBytes } from '@noble/hashes/utils.js';

/** 64 lower-case hex digits: 32 bytes. */
export type Id = string & { readonly __id: true };

const ID = /^[0-9a-f]{64}$/;

/** All zeros: "none" in a fixed-width field. */
export const NO_ID = '0'.repeat(64) as Id;

export function isId(text: string): text is Id {
  return ID.test(text);
}

/** @throws `malformed` unless `text` is 64 lower-case hex digits. */
export function toId(text: string): Id {
  return isId(text) ? text : fail('malformed', 'expected 64 lower-case hex digits', { got: text.length });
}

/** @throws `malformed` unless `bytes` has 32 bytes. */
export function idFromBytes(bytes: Uint8Array): Id {
  return bytes.length === 32 ? (bytesToHex(bytes) as Id) : fail('malformed', 'expected 32 bytes', { got: bytes.length });
}

export function idToBytes(id: Id): Uint8Array {
  return hexToBytes(id);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws `malformed` unless `bytes` is well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return fail('malformed', 'expected UTF-8 text');
  }
}

/** RFC 4648, section 5. By tables: btoa and atob want strings of bytes, and a node spells all that it sends and stores. */
const LETTERS = encoder.encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const NO_LETTER = 255;
const SIXES = new Uint8Array(128).fill(NO_LETTER);
for (const [six, letter] of LETTERS.entries()) SIXES[letter] = six;

export function toBase64url(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  const whole = bytes.length - (bytes.length % 3);
  let at = 0;
  const put = (six: number): void => {
    text[at++] = LETTERS[six & 63] as number;
  };
  for (let i = 0; i < whole; i += 3) {
    const three = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    put(three >> 18);
    put(three >> 12);
    put(three >> 6);
    put(three);
  }
  if (whole < bytes.length) {
    const rest = ((bytes[whole] as number) << 8) | (bytes[whole + 1] ?? 0);
    put(rest >> 10);
    put(rest >> 4);
    if (whole + 1 < bytes.length) put(rest << 2);
  }
  return decoder.decode(text);
}

/** @throws `malformed` unless `text` is unpadded base64url in its one canonical spelling. */
export function fromBase64url(text: string): Uint8Array {
  if (text.length % 4 === 1) return fail('malformed', 'expected unpadded base64url');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i += 1) {
    const six = SIXES[text.charCodeAt(i)] ?? NO_LETTER;
    if (six === NO_LETTER) return fail('malformed', 'expected unpadded base64url');
    held = (held << 6) | six;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  // Two spellings of the same bytes would let a signed value be replayed under another text (RFC 4648 section 3.5).
  return held === 0 ? bytes : fail('malformed', 'base64url has stray bits at its end');
}

/** Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
