/**
 * A backup is an age file of a tar stream, so that it opens without this program: `age -d -i KEY backup.tar.age | tar x`.
 * Nothing is held in memory but the chunks at hand, whatever the size.
 */
import { realpath, stat } from 'node:fs/promises';
import { fail } from '../base/errors.ts';
import { sealTo } from './age.ts';
import { openTarget } from './open.ts';
import { pack } from './pack.ts';
import { counting } from './progress.ts';
import type { Target } from './target.ts';
import type { Remark } from './walk.ts';

export const ARCHIVE_FILE = 'backup.tar.age';

export interface Archived {
  /** Bytes of the age file. */
  readonly bytes: number;
  /** What the folder holds and the backup does not, with the reason. */
  readonly leftOut: readonly Remark[];
  /** What the backup holds, but which changed while it was read. */
  readonly changed: readonly Remark[];
}

/**
 * Writes `backup.tar.age` to `target`; one that is there is replaced only once the new one is whole and stored.
 * @param recipient "age1..."
 * @param target a path, `s3://BUCKET/PREFIX`, or an opened one
 * @param progress called with the bytes stored so far, and those that were made; what it throws ends the backup
 * @throws `path`; what the system says if the folder cannot be read
 */
export async function archive(
  folder: string,
  recipient: string,
  target: string | Target,
  progress: (stored: number, made: number) => void,
): Promise<Archived> {
  const { opened, root, except } = await checkArchive(folder, target);
  const leftOut: Remark[] = [];
  const changed: Remark[] = [];
  const tar = pack(root, except, { leftOut: (remark) => leftOut.push(remark), changed: (remark) => changed.push(remark) });
  let [bytes, stored] = [0, 0];
  const counted = counting((sum) => {
    bytes = sum;
    progress(stored, bytes);
  });
  await opened.write(ARCHIVE_FILE, counted(sealTo(recipient, tar)), (sum) => {
    stored = sum;
    progress(stored, bytes);
  });
  return { bytes, leftOut, changed };
}

/** Before anybody is asked for a passcode. @throws `path`; `configuration` without credentials for S3 */
export async function checkArchive(folder: string, target: string | Target) {
  const opened = typeof target === 'string' ? openTarget(target) : target;
  const root = await realpath(folder).catch(() => fail('path', `${folder} does not exist`));
  if (!(await stat(root)).isDirectory()) fail('path', `${folder} is not a folder`);
  const except = opened.folder === undefined ? undefined : await realpath(opened.folder).catch(() => opened.folder);
  if (except === root) fail('path', 'the backup of a folder cannot go into the folder itself');
  return { opened, root, except };
}
