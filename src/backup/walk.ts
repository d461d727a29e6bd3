/**
 * Walks a folder in one fixed order, folders before what they hold and names by their bytes, and follows no link. What can be
 * neither stored nor restored is told and passed over, so that one odd file never costs the whole backup.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromUtf8 } from '../base/bytes.ts';

export interface Found {
  /** The names that lead there from the root; none for the root itself. */
  readonly names: readonly string[];
  readonly absolute: string;
  readonly stat: BigIntStats;
}

/** Something that is not in the backup, or not as it was. */
export interface Remark {
  /** Relative to the folder. */
  readonly path: string;
  readonly why: string;
}

/**
 * Holds the names of the folders on the way down, no more.
 * @throws what the system says if the root itself cannot be read
 */
export async function* walk(root: string, leftOut: (remark: Remark) => void): AsyncGenerator<Found> {
  const stat = lstatSync(root, { bigint: true });
  yield { names: [], absolute: root, stat };
  const levels = [await namesIn(root)];
  const names: string[] = [];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const raw = level.shift();
    if (raw === undefined) {
      levels.pop();
      names.pop();
      continue;
    }
    const name = spelled(raw);
    const path = [...names, name ?? raw.toString('latin1')].join('/');
    if (name === undefined) {
      leftOut({ path, why: 'its name is not UTF-8' });
      continue;
    }
    const absolute = join(root, path);
    try {
      const found = lstatSync(absolute, { bigint: true });
      // Read before it is yielded: a folder that cannot be listed is stored as an empty one, and said so.
      const within = found.isDirectory() ? await namesIn(absolute).catch((error) => passOver(error, path, leftOut)) : undefined;
      yield { names: [...names, name], absolute, stat: found };
      if (within !== undefined) {
        names.push(name);
        levels.push(within);
      }
    } catch (error) {
      passOver(error, path, leftOut);
    }
  }
}

async function namesIn(folder: string): Promise<Buffer[]> {
  return (await readdir(folder, { encoding: 'buffer' })).sort(Buffer.compare);
}

function spelled(raw: Buffer): string | undefined {
  try {
    return fromUtf8(raw);
  } catch {
    return undefined;
  }
}

/** Only what the system says about this one file is passed over; anything else is a failure of the backup. */
export function passOver(error: unknown, path: string, leftOut: (remark: Remark) => void): undefined {
  const code = error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) throw error;
  leftOut({ path, why: REASONS[code] ?? `it could not be read (${code})` });
}

const REASONS: Record<string, string> = {
  ENOENT: 'it vanished while the backup was made',
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
  ENAMETOOLONG: 'its path is longer than the system allows',
};
