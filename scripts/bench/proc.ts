/** What Linux knows of a process (proc(5)). */
import { readFileSync } from 'node:fs';

/** Of `utime` and `stime`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of all its threads. */
export function cpuSeconds(pid: number): number {
  // The second field is a name in parentheses, which may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentMiB(pid: number): number {
  const [, kib = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}
