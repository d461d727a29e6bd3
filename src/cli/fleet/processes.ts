/**
 * The fleet's programs as processes of this machine: started detached, found again by their pid file, stopped by asking
 * first. A pid is believed only when the process it names runs with this member's configuration: pids are used again.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors.ts';
import { MAIN, type Member, PROJECT } from './layout.ts';

const POLL_MS = 50;
/** A node that is asked to stop ends what it has begun; one that has not done so by then is killed. */
const STOP_MS = 10_000;

const pidFile = ({ folder }: Member): string => join(folder, 'pid');
export const traceFile = ({ folder }: Member): string => join(folder, 'trace.log');

/** The process, if it runs. */
export function pidOf(member: Member): number | undefined {
  const file = pidFile(member);
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8'));
  return runs(pid, member) ? pid : undefined;
}

function runs(pid: number, { config }: Member): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
    return state !== 'Z' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(config);
  } catch {
    return false;
  }
}

/** @returns false when it runs already */
export function start(member: Member): boolean {
  if (pidOf(member) !== undefined) return false;
  // SoftHSM and the store make their files under the umask of the process.
  const umask = process.umask(0o077);
  const trace = openSync(traceFile(member), 'a', 0o600);
  try {
    const child = spawn(process.execPath, [MAIN, ...member.command], {
      cwd: PROJECT,
      env: { PATH: process.env['PATH'], ...member.environment },
      stdio: ['ignore', trace, trace],
      detached: true,
    });
    if (child.pid === undefined) return fail('configuration', `${member.name} does not start`, { command: process.execPath });
    writeFileSync(pidFile(member), `${child.pid}\n`, { mode: 0o600 });
    child.unref();
    return true;
  } finally {
    closeSync(trace);
    process.umask(umask);
  }
}

export type Stopped = 'stopped' | 'killed' | 'was down';

/** @param kill without asking, as a power cut would */
export async function stop(member: Member, kill = false): Promise<Stopped> {
  const pid = pidOf(member);
  if (pid === undefined) return 'was down';
  signal(pid, kill ? 'SIGKILL' : 'SIGTERM');
  const asked = await ended(pid, member, STOP_MS);
  if (!asked) {
    signal(pid, 'SIGKILL');
    await ended(pid, member, STOP_MS);
  }
  rmSync(pidFile(member), { force: true });
  return asked && !kill ? 'stopped' : 'killed';
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function ended(pid: number, member: Member, waitMs: number): Promise<boolean> {
  for (let left = waitMs; runs(pid, member); left -= POLL_MS) {
    if (left <= 0) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** The last lines that a member wrote, for saying why it did not start. */
export function lastWords(member: Member, lines = 5): string {
  const file = traceFile(member);
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
