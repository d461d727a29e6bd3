/** Backups in a folder: a disk, a share, a stick (target.ts). */
import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../base/ports.ts';
import { isAbandoned, ownName } from './aside.ts';
import { nameDisk, readChunks, writeChunks } from './disk.ts';
import { counting } from './progress.ts';
import type { Target } from './target.ts';

const FLUSH_BYTES = 1 << 26;
const PARTIAL = '.partial';

/** @param folder absolute; made if it is not there */
export function folderTarget(folder: string, random: Random = systemRandom, clock: Clock = systemClock): Target {
  return {
    folder,

    async write(name, bytes, stored = () => undefined) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await removeAbandoned(folder, name, clock);
      // A name of its own: two backups at a time must not write to one file, nor one rename what the other has begun.
      const partial = join(folder, `${name}.${ownName(random)}${PARTIAL}`);
      try {
        const file = await open(partial, 'wx', 0o600);
        try {
          await writeChunks(file, counting(stored)(bytes), { flushBytes: FLUSH_BYTES });
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(partial, join(folder, name));
      } catch (error) {
        await rm(partial, { force: true });
        nameDisk(error, folder);
        throw error;
      }
      await syncFolder(folder);
    },

    async *read(name) {
      const file = await open(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return fail('path', `${folder} holds no ${name}: no backup was made here`);
        throw error;
      });
      try {
        yield* readChunks(file);
      } finally {
        await file.close();
      }
    },

    async exists(name) {
      return access(join(folder, name)).then(
        () => true,
        () => false,
      );
    },
  };
}

async function removeAbandoned(folder: string, name: string, clock: Clock): Promise<void> {
  for (const found of await readdir(folder)) {
    if (!(found.startsWith(`${name}.`) && found.endsWith(PARTIAL))) continue;
    const path = join(folder, found);
    const written = await stat(path).catch(() => undefined);
    const writer = found.slice(name.length + 1, -PARTIAL.length);
    if (written !== undefined && isAbandoned(writer, written.mtimeMs, clock())) await rm(path, { force: true });
  }
}

/** Without it the rename may be lost with the power, and the old backup with it on some file systems. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
