/**
 * Signed notes (c2sp.org/signed-note): text that ends in a line feed, an empty line, and signature lines
 *
 *   — <key name> <base64( 4 key id | signature )>
 *
 * Checkpoints and entries are notes. A note is read from text and written back to the very same text. Refused: control
 * characters, other spellings of base64, a last line that does not end, more signatures or bytes than the bounds below.
 * Signatures of unknown keys are kept and mean nothing; one of a known key that does not verify refuses the whole note.
 */

import { hexToBytes } from '@noble/hashes/utils.js';
import { fromBase64, toBase64 } from '../base/base64.ts';
import { concatBytes, toHex, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { isKeyName, NOTE_KEY, type SignBytes, type Vkey, verifyEd25519 } from './vkey.ts';

/** As many as Go's sumdb/note reads. */
export const SIGNATURES_MAX = 100;
/** Room for sixteen post-quantum cosignatures, and for the largest leaf. */
export const NOTE_BYTES_MAX = 256 * 1024;

export interface NoteSignature {
  readonly name: string;
  /** 8 lower-case hex digits. */
  readonly keyId: string;
  /** What follows the key id: for type 0x01 the signature, for 0x04 a time and the signature. */
  readonly signature: Uint8Array;
}

export interface Note {
  /** With its final line feed: what is signed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const PREFIX = '— ';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** @throws `malformed`, `too-large` */
export function parseNote(note: string): Note {
  if (note.length > NOTE_BYTES_MAX || utf8(note).length > NOTE_BYTES_MAX) fail('too-large', `a note has at most ${NOTE_BYTES_MAX} bytes`);
  if (!note.isWellFormed() || CONTROL.test(note)) fail('malformed', 'a note is UTF-8 without control characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) fail('malformed', 'a note is a text, an empty line, and lines of signatures');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) fail('too-large', `a note has at most ${SIGNATURES_MAX} signatures`, { got: lines.length });
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

/** One line, without its line feed. @throws `malformed` */
export function parseSignatureLine(line: string): NoteSignature {
  const [name, spelled, ...more] = line.startsWith(PREFIX) ? line.slice(PREFIX.length).split(' ') : [];
  if (name === undefined || spelled === undefined || more.length > 0 || !isKeyName(name))
    return fail('malformed', 'expected a signature line: — <key name> <base64>');
  const bytes = fromBase64(spelled);
  if (bytes.length < 5) fail('malformed', 'a signature has a key id of 4 bytes and then at least one', { name });
  return { name, keyId: toHex(bytes.subarray(0, 4)), signature: bytes.subarray(4) };
}

/** Without its line feed. */
export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  return `${PREFIX}${name} ${toBase64(concatBytes(hexToBytes(keyId), signature))}`;
}

/** @throws `malformed`, `too-large` for what `parseNote` would refuse */
export function formatNote({ text, signatures }: Note): string {
  const note = `${text}\n${signatures.map((one) => `${formatSignatureLine(one)}\n`).join('')}`;
  const read = parseNote(note);
  return read.text === text ? note : fail('malformed', 'the text of a note ends in a line feed');
}

/** The signatures that name this key. More than its name and id it takes to be signed by it. */
export function signaturesOf(
  { signatures }: Pick<Note, 'signatures'>,
  { name, keyId }: Pick<Vkey, 'name' | 'keyId'>,
): readonly NoteSignature[] {
  return signatures.filter((one) => one.name === name && one.keyId === keyId);
}

/**
 * Whether a key of type 0x01 signed the note.
 * @throws `not-signed` when a line names the key and does not verify: such a note is refused as a whole
 */
export function isSignedBy(note: Note, vkey: Vkey): boolean {
  if (vkey.type !== NOTE_KEY) return fail('malformed', 'only keys of type 0x01 sign notes', { name: vkey.name });
  const lines = signaturesOf(note, vkey);
  for (const { signature } of lines) {
    if (!verifyEd25519(vkey.key, utf8(note.text), signature))
      fail('not-signed', 'a signature of a note does not verify', { name: vkey.name });
  }
  return lines.length > 0;
}

/** Signs a note's text with a key of type 0x01. @throws `not-signed` when `sign` holds another key than `vkey` */
export async function signNote(text: string, vkey: Vkey, sign: SignBytes): Promise<NoteSignature> {
  const line = { name: vkey.name, keyId: vkey.keyId, signature: await sign(utf8(text)) };
  if (!isSignedBy({ text, signatures: [line] }, vkey)) fail('not-signed', 'nothing was signed', { name: vkey.name });
  return line;
}
