/**
 * Restores a backup: into a folder aside, and renamed into place only when the whole file has been decrypted and unpacked.
 * A truncated or altered age file fails before anything stands at the target (age seals its last chunk as the last).
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { access, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Decrypter } from 'age-encryption';
import type { ReadEntry } from 'tar';
import { extract } from 'tar';
import { fail, HoldfastError } from '../base/errors.ts';
import { ARCHIVE_FILE } from './archive.ts';
import { type BackupKey, identityOf } from './key.ts';
import { counting } from './progress.ts';

/**
 * @param target must not exist
 * @throws `malformed` for a file that is not whole, not of this key, or that would leave the target
 */
export async function restore(from: string, key: BackupKey, target: string, progress: (bytes: number) => void): Promise<void> {
  const path = resolve(target);
  if (await exists(path)) fail('malformed', `${target} exists: choose a folder that does not`);
  const aside = await mkdtemp(join(dirname(path), '.holdfast-restore-'));
  try {
    await unpack(join(from, ARCHIVE_FILE), key, aside, progress);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    if (error instanceof HoldfastError || isSystemError(error)) throw error;
    throw new HoldfastError('malformed', 'the backup is damaged, cut short, or of another key: nothing was restored', {}, error);
  }
}

async function unpack(file: string, key: BackupKey, aside: string, progress: (bytes: number) => void): Promise<void> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identityOf(key).reveal());
  const sealed = Readable.toWeb(createReadStream(file)) as unknown as globalThis.ReadableStream<Uint8Array>;
  const opened = await decrypter.decrypt(sealed);
  const unpacker = extract({ cwd: aside, strict: true, preserveOwner: false, filter: (_, entry) => staysInside(aside, entry) });
  const done = once(unpacker, 'close');
  done.catch(() => undefined);
  // What fails first is reported; writes that were under way may still fail after the folder aside is gone.
  unpacker.on('error', () => undefined);
  for await (const chunk of counting(progress)(Readable.fromWeb(opened as unknown as ReadableStream))) {
    if (!unpacker.write(Buffer.from(chunk))) await Promise.race([once(unpacker, 'drain'), done]);
  }
  unpacker.end();
  await done;
}

/** Whoever writes to the storage cannot make valid age files, but whoever was backed up may have been tricked into odd links. */
function staysInside(root: string, entry: unknown): boolean {
  const { path, type, linkpath } = entry as ReadEntry;
  if (leaves(root, resolve(root, path))) fail('malformed', 'a path in the backup leaves the folder', { path });
  if (type === 'SymbolicLink' && leaves(root, resolve(root, dirname(path), linkpath ?? ''))) {
    fail('malformed', 'a link in the backup leaves the folder', { path });
  }
  if (type === 'Link' && leaves(root, resolve(root, linkpath ?? ''))) fail('malformed', 'a link in the backup leaves the folder', { path });
  return true;
}

function leaves(root: string, path: string): boolean {
  const from = relative(root, path);
  return from === '..' || from.startsWith('../');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
