/**
 * Files on a disk against a manifest: every one there, none added, no byte or mode other than it says, no links. Called by the
 * launcher, by `holdfast release verify` and, to make a manifest, by scripts/release.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { MANIFEST_FILE, type ReleaseFile } from './manifest.ts';
import { NOTE_FILE } from './note.ts';

/** What names the files is not among them. */
const BESIDE: ReadonlySet<string> = new Set([MANIFEST_FILE, NOTE_FILE]);

/**
 * Paths of all files below a folder, in the order of a manifest, and with a slash at their end of folders that hold nothing.
 * @throws `release-refused` for a link, a device, a pipe
 */
export function filesOf(root: string): string[] {
  const found: string[] = [];
  const walk = (below: string): void => {
    const entries = readdirSync(join(root, below), { withFileTypes: true });
    if (entries.length === 0) found.push(`${below}/`);
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (!entry.isFile()) fail('release-refused', `${path}: neither a file nor a folder: a link could be turned elsewhere later`);
      else if (!BESIDE.has(path)) found.push(path);
    }
  };
  walk('');
  return found.sort();
}

/** @throws `release-refused` naming the first file that is not as the manifest says */
export function checkTree(root: string, files: readonly ReleaseFile[]): void {
  const found = filesOf(root);
  const there = new Set(found);
  const missing = files.find(({ path }) => !there.has(path));
  if (missing !== undefined) fail('release-refused', `${missing.path}: the file is missing`);
  const named = new Set(files.map(({ path }) => path));
  const added = found.find((path) => !named.has(path));
  if (added !== undefined) fail('release-refused', `${added}: the manifest does not name it`);
  for (const file of files) checkFile(join(root, file.path), file);
}

function checkFile(at: string, { path, mode, size, sha256 }: ReleaseFile): void {
  const { mode: found } = lstatSync(at);
  const wider = found & 0o7777 & ~Number.parseInt(mode, 8);
  if (wider !== 0)
    fail('release-refused', `${path}: its mode is wider than the manifest says`, { mode: (found & 0o7777).toString(8), expected: mode });
  const read = digestOf(at);
  if (read.size !== size) fail('release-refused', `${path}: its size differs`, { size: read.size, expected: size });
  if (read.sha256 !== sha256) fail('release-refused', `${path}: its bytes differ`, { sha256: read.sha256, expected: sha256 });
}

const room = Buffer.alloc(1024 * 1024);

/** Of the very file that was opened: a link in its place is not followed. */
export function digestOf(at: string): { readonly sha256: string; readonly size: number } {
  const fd = openSync(at, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    let size = 0;
    for (let got = readSync(fd, room); got > 0; got = readSync(fd, room)) {
      hash.update(room.subarray(0, got));
      size += got;
    }
    return { sha256: hash.digest('hex'), size };
  } finally {
    closeSync(fd);
  }
}

/** As a manifest spells it: whether the owner may execute it is all that a checkout keeps, whatever the umask. */
export function modeOf(at: string): ReleaseFile['mode'] {
  return (lstatSync(at).mode & 0o100) === 0 ? '0644' : '0755';
}
