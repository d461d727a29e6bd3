/**
 * Base64 of RFC 4648, section 4, padded, as C2SP's formats spell it: only the one canonical spelling is read. Two spellings of
 * one signature would be two different leaves of a log, or two digests of one bundle.
 */
import { fromBase64url, toBase64url } from './bytes.ts';
import { fail } from './errors.ts';

const FORM = /^[A-Za-z0-9+/]*={0,2}$/;

export function toBase64(bytes: Uint8Array): string {
  const letters = toBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return letters.padEnd(Math.ceil(letters.length / 4) * 4, '=');
}

/** @throws `malformed` unless `text` is padded base64 in its one canonical spelling. */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !FORM.test(text)) return fail('malformed', 'expected padded base64');
  return fromBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
}
