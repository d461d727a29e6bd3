/**
 * A release as one file: a ustar archive (POSIX.1-1988) of manifest.json and then every file in its order, with nothing in it
 * that depends on where and when it was made: owner 0, no names, time 0, modes as in the manifest. Packing is tar-stream's.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { fail, HoldfastError } from '../base/errors.ts';
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, type Manifest, spellManifest } from './manifest.ts';

const head = (name: string, mode: string, size: number) =>
  ({ name, mode: Number.parseInt(mode, 8), size, type: 'file', uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) }) as const;

/** @param root where the manifest's files are */
export function packRelease(root: string, manifest: Manifest): Readable {
  const archive = pack();
  const fill = async (): Promise<void> => {
    const spelled = Buffer.from(spellManifest(manifest));
    archive.entry(head(MANIFEST_FILE, '0644', spelled.length), spelled);
    for (const { path, mode, size } of manifest.files) {
      await pipeline(createReadStream(join(root, path)), archive.entry(head(path, mode, size)));
    }
    archive.finalize();
  };
  fill().catch((error: Error) => archive.destroy(error));
  return archive as unknown as Readable;
}

export interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly sha256: string;
}

interface Archive {
  /** Its bytes, still to be checked. */
  readonly manifest: Buffer;
  readonly files: readonly Entry[];
}

/** @throws `release-refused` for anything but files, and for an archive that is cut or has no manifest in front */
export async function readArchive(from: Readable): Promise<Archive> {
  try {
    return await readEntries(from);
  } catch (error) {
    if (error instanceof HoldfastError || (error as NodeJS.ErrnoException).code !== undefined) throw error;
    return fail('release-refused', 'the archive ends too early or is none', {}, error);
  }
}

async function readEntries(from: Readable): Promise<Archive> {
  const files: Entry[] = [];
  let manifest: Buffer | undefined;
  const archive = extract();
  from.on('error', (error) => archive.destroy(error)).pipe(archive as unknown as NodeJS.WritableStream);
  for await (const entry of archive) {
    const { name, type, size = 0, mode = 0 } = entry.header;
    if (type !== 'file') fail('release-refused', `${name.slice(0, 512)}: the archive holds a ${type}, and a release has files only`);
    if (manifest === undefined) {
      if (name !== MANIFEST_FILE || size > MANIFEST_BYTES_MAX) fail('release-refused', `the archive does not begin with ${MANIFEST_FILE}`);
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      manifest = Buffer.concat(chunks);
      continue;
    }
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk as Buffer);
    files.push({ path: name, mode, size, sha256: hash.digest('hex') });
  }
  return { manifest: manifest ?? fail('release-refused', 'the archive ends too early or is none'), files };
}

/** @throws `release-refused` naming the first file that is not as the manifest says */
export function checkEntries(found: readonly Entry[], { files }: Manifest): void {
  for (const [i, { path, mode, size, sha256 }] of files.entries()) {
    const entry = found[i];
    if (entry === undefined) fail('release-refused', `${path}: the file is missing`);
    else if (entry.path !== path) fail('release-refused', `${entry.path.slice(0, 512)}: the manifest names ${path} in its place`);
    else if (entry.mode !== Number.parseInt(mode, 8))
      fail('release-refused', `${path}: its mode differs`, { mode: entry.mode.toString(8), expected: mode });
    else if (entry.size !== size || entry.sha256 !== sha256)
      fail('release-refused', `${path}: its bytes differ`, { sha256: entry.sha256, expected: sha256 });
  }
  const added = found[files.length];
  if (added !== undefined) fail('release-refused', `${added.path.slice(0, 512)}: the manifest does not name this file`);
}
