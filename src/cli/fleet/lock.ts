/** One command at a time changes a fleet's folder: two that make it at once would make two fleets in one place. */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors.ts';

/** @throws `overloaded` while another command is at it */
export async function locked<T>(folder: string, run: () => Promise<T>): Promise<T> {
  const file = join(folder, 'lock');
  take(file);
  try {
    return await run();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): void {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${process.pid}`, { mode: 0o600 });
  try {
    // Unlike creating it, this cannot be seen half done.
    linkSync(own, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const holder = Number(readFileSync(file, 'utf8'));
    if (isAlive(holder)) fail('overloaded', 'another command is changing this fleet', { pid: holder });
    // Whoever held it was killed.
    rmSync(file, { force: true });
    take(file);
  } finally {
    rmSync(own, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
