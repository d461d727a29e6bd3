/**
 * The signature of a release: a signed note (C2SP signed-note), so that other note tools check it too. Keys are Ed25519
 * (signature type 0x01), made and kept in tokens. Its text names the measurement, so `sha256sum manifest.json` is all it takes
 * to compare:
 *
 *   holdfast/release/v1
 *   <version> <platform>
 *   <measurement: SHA-256 of manifest.json, hex>
 *
 *   — <key name> <base64( 4 key id | 64 signature of the text )>
 *
 * Reads only, and without any package, for the launcher (what else reads or writes notes uses src/log). Every key that is given
 * must have signed; signatures by other keys do not matter.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { fail } from '../base/errors.ts';
import { MANIFEST_TYPE, type Manifest } from './manifest.ts';

export const NOTE_FILE = 'manifest.note';
export const NOTE_BYTES_MAX = 16 * 1024;

/** A public key that signs releases, from outside the files that it vouches for. */
export interface ReleaseKey {
  readonly name: string;
  /** Hex. It only points: what counts is the key. */
  readonly id: string;
  readonly publicKey: Uint8Array;
}

const ED25519 = 0x01;
const SIGNATURES_MAX = 16;
const NAME = '[^\\s+\\p{Cc}]{1,255}';
const VKEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]{44})$`, 'u');
const SIGNATURE = new RegExp(`^\u2014 (${NAME}) ([A-Za-z0-9+/=]{92})$`, 'u');
/** DER of a SubjectPublicKeyInfo for Ed25519 (RFC 8410), before the key. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

function keyId(name: string, publicKey: Uint8Array): string {
  return createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ED25519)).update(publicKey).digest('hex').slice(0, 8);
}

export function isReleaseKey(text: string): boolean {
  return VKEY.test(text);
}

/** @throws `malformed` unless the text is `<name>+<key id>+<base64( 0x01 | key )>` */
export function parseReleaseKey(text: string): ReleaseKey {
  const [, name = '', id = '', spelled = ''] = VKEY.exec(text) ?? [];
  const [type, ...rest] = fromBase64(spelled);
  const publicKey = Uint8Array.from(rest);
  if (type !== ED25519 || publicKey.length !== 32 || keyId(name, publicKey) !== id) {
    return fail('malformed', 'expected the public key of a note: <name>+<key id>+<base64 of type 0x01 and an Ed25519 key>');
  }
  return { name, id, publicKey };
}

/** What is signed. */
export function noteText({ version, platform }: Pick<Manifest, 'version' | 'platform'>, measurement: string): string {
  return `${MANIFEST_TYPE}\n${version} ${platform}\n${measurement}\n`;
}

/**
 * The text of a note that each of the keys signed.
 * @throws `release-refused`
 */
export function openNote(note: string, keys: readonly ReleaseKey[]): string {
  if (keys.length === 0) fail('release-refused', 'no public key was given to check the signature with');
  const end = note.indexOf('\n\n');
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2).split('\n');
  if (end < 0 || lines.pop() !== '' || lines.length > SIGNATURES_MAX) fail('release-refused', `${NOTE_FILE} is not a signed note`);
  const signatures = lines.map((line) => {
    const [, name, spelled] = SIGNATURE.exec(line) ?? fail('release-refused', `${NOTE_FILE} is not a signed note`);
    return { name, bytes: fromBase64(spelled ?? '') };
  });
  for (const key of keys) {
    const own = signatures.filter(({ name, bytes }) => name === key.name && bytes.subarray(0, 4).toString('hex') === key.id);
    if (own.length === 0 || !own.every(({ bytes }) => signed(key, text, bytes.subarray(4)))) {
      fail('release-refused', `${NOTE_FILE} carries no good signature by ${key.name}`, { keyId: key.id });
    }
  }
  return text;
}

function signed({ publicKey }: ReleaseKey, text: string, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  return verify(null, Buffer.from(text), key, signature);
}

/** Canonical only. @returns nothing for another spelling */
function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : Buffer.alloc(0);
}
