/**
 * Names of what is written aside until it is whole (folder.ts, restore.ts): the process that writes it is in the name. So what a killed
 * one left is cleared away by the next command at once, where it would fill the disk, and what another one is still writing is not.
 *
 *   own name = MACHINE-PID-STARTED-RANDOM
 *   MACHINE  = 8 hex digits of SHA-256 over the boot's id and the process namespace: pids mean nothing outside of them
 *   STARTED  = of the process, in ticks since the boot: a pid is given out again
 *
 * Processes that cannot be asked after (on another machine that has the same share, in another container, before a restart, not on
 * Linux) are known by time: what nobody has touched for a day is abandoned.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../base/bytes.ts';
import { type Random, systemRandom } from '../base/ports.ts';

const ABANDONED_MS = 24 * 3600_000;
const NOWHERE = '0'.repeat(8);

export function ownName(random: Random = systemRandom): string {
  return `${machine()}-${process.pid}-${startOf(process.pid) ?? 0}-${toHex(random(8))}`;
}

/**
 * @param name as `ownName` gave it, or as anybody named it
 * @param touchedMs when it was last written to
 */
export function isAbandoned(name: string, touchedMs: number, nowMs: number): boolean {
  const [of, pid, started] = name.split('-');
  if (of !== NOWHERE && of === machine() && pid !== undefined) return !runs(Number(pid), started);
  return nowMs - touchedMs > ABANDONED_MS;
}

/** Also folders of it that have got permissions under which nothing in them can be removed. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const found of await readdir(path, { withFileTypes: true })) {
    if (found.isDirectory()) await openFolders(join(path, found.name));
  }
}

let known: string | undefined;

function machine(): string {
  known ??= identify();
  return known;
}

function identify(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return createHash('sha256')
      .update(`${boot} ${readlinkSync('/proc/self/ns/pid')}`)
      .digest('hex')
      .slice(0, 8);
  } catch {
    return NOWHERE;
  }
}

function runs(pid: number, started: string | undefined): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return now === undefined || now === started;
}

/** "starttime", the 22nd field of proc(5)'s stat; the second, the program's name in brackets, may hold anything. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
