/**
 * A backup is an age file of a tar stream, so that it opens without this program: `age -d -i KEY backup.tar.age | tar x`.
 * Nothing is held in memory but the chunk at hand, whatever the size.
 */
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Encrypter } from 'age-encryption';
import { create } from 'tar';

import { counting } from './progress.ts';

export const ARCHIVE_FILE = 'backup.tar.age';

export interface Archived {
  /** Bytes of the age file. */
  readonly bytes: number;
}

/**
 * Writes `backup.tar.age` into `target`; a file of that name is replaced only once the new one is whole and on disk.
 * @param progress called with the bytes written so far
 */
export async function archive(folder: string, recipient: string, target: string, progress: (bytes: number) => void): Promise<Archived> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const tar = create({ cwd: folder, portable: false, noMtime: false }, ['.']);
  const sealed = await encrypter.encrypt(Readable.toWeb(Readable.from(tar)) as unknown as globalThis.ReadableStream<Uint8Array>);
  const path = join(target, ARCHIVE_FILE);
  const partial = `${path}.partial`;
  let bytes = 0;
  const counted = counting((sum) => {
    bytes = sum;
    progress(sum);
  });
  try {
    await pipeline(Readable.fromWeb(sealed as unknown as ReadableStream), counted, createWriteStream(partial, { mode: 0o600 }));
    await syncFile(partial);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { bytes };
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
