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

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** @throws `malformed` unless `bytes` is well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('malformed', 'expected UTF-8 text');
  }
}

export function toBase64url(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i++) binary += String.fromCharCode(bytes[i] as number);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws `malformed` unless `text` is unpadded base64url in its one canonical spelling. */
export function fromBase64url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return fail('malformed', 'expected unpadded base64url');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  // Two spellings of the same bytes would let a signed value be replayed under another text (RFC 4648 section 3.5).
  const whole = Math.floor(text.length / 4);
  const canonical = toBase64url(bytes.subarray(whole * 3)) === text.slice(whole * 4);
  return canonical ? bytes : fail('malformed', 'base64url has stray bits at its end');
}

/** Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
