/** An installed release, checked whole: the signature says which manifest, the manifest says which files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, type Manifest, measure, parseManifest } from './manifest.ts';
import { NOTE_BYTES_MAX, NOTE_FILE, noteText, openNote, type ReleaseKey } from './note.ts';
import { checkTree } from './tree.ts';

export interface Checked {
  readonly manifest: Manifest;
  readonly measurement: string;
}

/** @throws `release-refused` naming the file that is not as it was signed */
export function checkRelease(folder: string, keys: readonly ReleaseKey[]): Checked {
  const checked = checkManifest(read(folder, MANIFEST_FILE, MANIFEST_BYTES_MAX), read(folder, NOTE_FILE, NOTE_BYTES_MAX), keys);
  checkTree(folder, checked.manifest.files);
  return checked;
}

/** @throws `release-refused` before anything of the manifest is read, `malformed` when its signers signed what is none */
export function checkManifest(bytes: Uint8Array, note: Uint8Array, keys: readonly ReleaseKey[]): Checked {
  const text = openNote(Buffer.from(note).toString('utf8'), keys);
  const measurement = measure(bytes);
  if (text.split('\n')[2] !== measurement) {
    fail('release-refused', `${MANIFEST_FILE}: its bytes differ, or ${NOTE_FILE} is of another release`, {
      measurement,
      signed: text.slice(0, 160),
    });
  }
  const manifest = parseManifest(bytes);
  if (text !== noteText(manifest, measurement)) fail('release-refused', `${NOTE_FILE} speaks of another version than ${MANIFEST_FILE}`);
  return { manifest, measurement };
}

function read(folder: string, name: string, bytesMax: number): Buffer {
  try {
    const bytes = readFileSync(join(folder, name));
    return bytes.length <= bytesMax ? bytes : fail('release-refused', `${name} is larger than any of a release`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return fail('release-refused', `${name} cannot be read: this folder holds no signed release`, { folder });
  }
}
