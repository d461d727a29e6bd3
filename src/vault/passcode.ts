/**
 * From what a person types to the bytes that go into the OPRF, so that the same passcode typed on another device, with
 * another keyboard, gives the same bytes. It follows the OpaqueString profile (RFC 8265, section 4.2) with two departures:
 *
 * - NFKC instead of NFC. Keyboards for Chinese, Japanese and Korean write full-width digits and letters; a PIN typed
 *   with them is the same PIN. The few bits that are lost between compatible characters are worth less than a lock-out
 *   after ten honest attempts.
 * - White space at both ends is cut: keyboards that complete words add a space that nobody sees.
 *
 * Case is kept, and spaces inside become U+0020. Control characters and broken UTF-16 are refused: they come from errors,
 * never from a keyboard. Digits of other scripts stay what they are.
 */
import { utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { refuseWeak } from './strength.ts';

const PIN_DIGITS_MIN = 6;
const PASSWORD_LENGTH_MIN = 8;
/** Nobody types more; a bound keeps a pasted file out of the hash. */
const PASSCODE_BYTES_MAX = 1024;

/**
 * UTF-8, 1..1024 bytes. For a passcode that exists: says nothing about its strength.
 * @throws `malformed` for what is empty, has control characters or is no well-formed text; `too-large`.
 */
export function normalisePasscode(typed: string): Secret<Uint8Array> {
  return new Secret(utf8(normalise(typed)));
}

/**
 * As `normalisePasscode`, for a passcode that is being chosen: a PIN of at least 6 digits, or a password of at least 8
 * characters, and none that is guessed first (strength.ts). No rules of composition (NIST SP 800-63B, section 5.1.1.2
 * advises against them).
 * @param about what an attacker knows of the person
 * @throws also `malformed` for a shorter or a weaker one.
 */
export async function choosePasscode(typed: string, about: readonly string[] = []): Promise<Secret<Uint8Array>> {
  const text = normalise(typed);
  const length = [...text].length;
  const pin = /^\p{Nd}+$/u.test(text);
  if (length < (pin ? PIN_DIGITS_MIN : PASSWORD_LENGTH_MIN)) {
    return fail('malformed', 'expected a PIN of at least 6 digits, or a password of at least 8 characters', { pin });
  }
  await refuseWeak(text, about);
  return new Secret(utf8(text));
}

function normalise(typed: string): string {
  if (!typed.isWellFormed()) return fail('malformed', 'a passcode is not well-formed text');
  const text = typed
    .normalize('NFKC')
    .replace(/\p{Zs}/gu, ' ')
    .trim();
  if (text === '') return fail('malformed', 'a passcode is empty');
  if (/\p{Cc}/u.test(text)) return fail('malformed', 'a passcode has control characters');
  const length = utf8(text).length;
  return length <= PASSCODE_BYTES_MAX ? text : fail('too-large', 'a passcode has at most 1024 bytes', { got: length });
}
