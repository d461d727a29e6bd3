/**
 * Restores a backup: into a folder aside, and renamed into place only when the whole file has been decrypted and unpacked.
 * A truncated or altered age file fails before anything stands at the target (age seals its last chunk as the last).
 */
import { access, constants, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail } from '../base/errors.ts';
import { openWith } from './age.ts';
import { ARCHIVE_FILE } from './archive.ts';
import type { BackupKey } from './key.ts';
import { openTarget } from './open.ts';
import { blockMemory } from './payload.ts';
import { counting } from './progress.ts';
import type { Target } from './target.ts';
import { unpack } from './unpack.ts';

/**
 * @param from a path, `s3://BUCKET/PREFIX`, or an opened one
 * @param target must not exist
 * @param progress called with the bytes decrypted so far
 * @throws `malformed` for a file that is not whole, not of this key, or that would leave the target; `path`
 */
export async function restore(from: string | Target, key: BackupKey, target: string, progress: (bytes: number) => void): Promise<void> {
  await checkRestore(target);
  const path = resolve(target);
  const source = typeof from === 'string' ? openTarget(from) : from;
  const aside = await mkdtemp(join(dirname(path), '.holdfast-restore-'));
  try {
    const memory = blockMemory();
    const tar = counting(progress)(openWith(key, source.read(ARCHIVE_FILE), memory));
    await unpack(tar, aside, (chunk) => memory.giveBack(chunk.buffer as ArrayBuffer));
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

/** Before anybody is asked for a passcode, and the fleet for a guess. @throws `path` */
export async function checkRestore(target: string): Promise<void> {
  const path = resolve(target);
  if (await is(stat(path))) fail('path', `${target} exists: choose a folder that does not`);
  const parent = dirname(path);
  const able = is(access(parent, constants.W_OK | constants.X_OK));
  if (!(await able)) fail('path', `${parent} is no folder in which ${target} can be made`);
}

function is(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  );
}
