/** Programs that run in the foreground, as a service manager runs them: a node, a witness. */
import type { HoldfastError } from '../base/errors.ts';
import { EXIT, say } from './report.ts';

/** Beyond the time for running requests: the deadline of one call to the token. */
const HANG_MS = 10_000;

export interface Running {
  /** Resolves, with why, once only a new process can go on. */
  readonly spent: Promise<HoldfastError>;
  close(): Promise<void>;
}

/**
 * Until SIGTERM or SIGINT; a second one ends it at once.
 * @param start waits for custodians until the signal it is given is aborted
 * @param started what is said once it runs
 */
export async function foreground<T extends Running>(
  start: (stop: AbortSignal) => Promise<T>,
  shutdownMs: number,
  started: (running: T) => string,
): Promise<void> {
  const stop = new AbortController();
  const asked = new Promise<undefined>((resolve) => stop.signal.addEventListener('abort', () => resolve(undefined)));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const running = await start(stop.signal).catch((error: unknown) => {
    if (error !== stop.signal.reason) throw error;
  });
  if (running === undefined) return say('stopped before it had the PIN of its token');
  say(started(running));
  const spent = await Promise.race([asked, running.spent]);
  // Nothing is lost that was acknowledged: a program that hangs is as good as one that was killed.
  setTimeout(() => process.exit(EXIT.failure), shutdownMs + HANG_MS).unref();
  await running.close();
  if (spent !== undefined) throw spent;
}
