/**
 * What a person at a terminal sees of work that takes longer than a second: how far it is, and how long it has been at it, on one line
 * that is written over. Begun by every command of people (device/options.ts), silent while somebody is asked (passcode.ts).
 *
 * And how such work is stopped: Ctrl-C, or a signal to end, ends it at its next step, so that what stands aside is cleared away.
 */
import { progressLine, say } from './report.ts';

const TICK_MS = 1_000;
const SHOW_MS = 100;

let beganMs: number | undefined;
let shownMs = 0;
let doing = '';

export function beginWaiting(): void {
  beganMs = performance.now();
  if (!process.stderr.isTTY) return;
  setInterval(show, TICK_MS).unref();
  process.once('exit', () => progressLine(''));
}

/** What is said next is the end. */
export function endWaiting(): void {
  beganMs = undefined;
}

/** Nothing is shown while somebody types. */
export async function whileAsking<T>(ask: () => Promise<T>): Promise<T> {
  const began = beganMs;
  beganMs = undefined;
  progressLine('');
  try {
    return await ask();
  } finally {
    beganMs = began === undefined ? undefined : performance.now();
  }
}

/** @param what in a word or two, with numbers: "12.3 MiB" */
export function tellWaiting(what: string): void {
  doing = what;
  if (performance.now() - shownMs >= SHOW_MS) show();
}

function show(): void {
  if (beganMs === undefined) return;
  shownMs = performance.now();
  const seconds = Math.round((shownMs - beganMs) / 1000);
  const parts = [doing, seconds === 0 ? '' : `${seconds} s`].filter((part) => part !== '');
  if (parts.length > 0) progressLine(`  ${parts.join(', ')}`);
}

/** Somebody ended the command. */
export class Stopped extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(signal);
    this.signal = signal;
  }
}

/** @returns throws once somebody wants the command to end. A second signal ends it where it is, as ever. */
export function stoppable(): () => void {
  let stopped: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stopped = signal;
      // Without its terminal nobody hears it.
      if (signal !== 'SIGHUP') say('stopping, and clearing away what was begun');
    });
  }
  return () => {
    if (stopped !== undefined) throw new Stopped(stopped);
  };
}
