/**
 * Restores a backup: into a folder aside, and renamed into place only when the whole file has been decrypted and unpacked.
 * A truncated or altered age file fails before anything stands at the target (age seals its last chunk as the last).
 */
import { access, constants, lstat, mkdir, readdir, rename, stat, utimes } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail } from '../base/errors.ts';
import { systemClock } from '../base/ports.ts';
import { openWith } from './age.ts';
import { ARCHIVE_FILE } from './archive.ts';
import { isAbandoned, ownName, removeTree } from './aside.ts';
import { nameDisk } from './disk.ts';
import type { BackupKey } from './key.ts';
import { openTarget } from './open.ts';
import { blockMemory } from './payload.ts';
import { counting } from './progress.ts';
import type { Target } from './target.ts';
import { unpack } from './unpack.ts';

const ASIDE = '.holdfast-restore-';
const TOUCH_MS = 60_000;

/**
 * @param from a path, `s3://BUCKET/PREFIX`, or an opened one
 * @param target must not exist
 * @param progress called with the bytes of the age file that were read so far; what it throws ends the restore
 * @throws `malformed` for a file that is not whole, not of this key, or that would leave the target; `path`
 */
export async function restore(from: string | Target, key: BackupKey, target: string, progress: (bytes: number) => void): Promise<void> {
  await checkRestore(target);
  const path = resolve(target);
  const source = typeof from === 'string' ? openTarget(from) : from;
  const parent = dirname(path);
  await removeAbandoned(parent);
  const aside = join(parent, `${ASIDE}${ownName()}`);
  await mkdir(aside, { mode: 0o700 });
  // Another machine knows by it that somebody is at work here.
  const touching = setInterval(() => void utimes(aside, new Date(), new Date()).catch(() => undefined), TOUCH_MS).unref();
  try {
    const memory = blockMemory();
    const tar = openWith(key, counting(progress)(source.read(ARCHIVE_FILE)), memory);
    await unpack(tar, aside, (chunk) => memory.giveBack(chunk.buffer as ArrayBuffer));
    await rename(aside, path);
  } catch (error) {
    await removeTree(aside);
    nameDisk(error, parent);
    throw error;
  } finally {
    clearInterval(touching);
  }
}

/** What restores left that were killed. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const found of await readdir(parent).catch(() => [])) {
    if (!found.startsWith(ASIDE)) continue;
    const path = join(parent, found);
    const seen = await lstat(path).catch(() => undefined);
    // (Attack: in a folder for all, another person's link of this name, to have what it leads to opened up.)
    if (seen === undefined || !seen.isDirectory() || seen.uid !== process.getuid?.()) continue;
    // Its change time: the other one is set to what it was in the backup.
    if (isAbandoned(found.slice(ASIDE.length), seen.ctimeMs, systemClock())) await removeTree(path);
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
