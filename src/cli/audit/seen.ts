/** What an audit saw, kept in a file for the next one: a log that goes back, or has another past by then, is found out. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { fail, HoldfastError } from '../../base/errors.ts';
import { formatSeen, parseSeen, type Seen } from '../../trust/seen.ts';

/** @returns nothing at the first audit @throws `configuration` for a file that holds something else */
export async function readSeen(file: string | undefined): Promise<Seen | undefined> {
  if (file === undefined) return undefined;
  try {
    return parseSeen((await readFile(file, 'utf8')).trimEnd());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof HoldfastError) fail('configuration', `--seen: ${file}: ${error.message}`);
    throw error;
  }
}

export async function keepSeen(file: string | undefined, seen: Seen | undefined): Promise<void> {
  if (file === undefined || seen === undefined) return;
  await writeFile(`${file}.new`, `${formatSeen(seen)}\n`);
  await rename(`${file}.new`, file);
}
