/** Work that comes again: one turn at a time, a pause that can be cut short, an end that waits for the turn at work. */

export interface Loop {
  /** The next turn begins at once, or right after the one at work. */
  wake(): void;
  stop(): Promise<void>;
}

/**
 * @param turn returns the milliseconds until the next turn; nothing ends the loop. Its signal is aborted by `stop`.
 * @param failed told of what a turn throws; the next turn comes after `retryMs`
 */
export function startLoop(
  turn: (signal: AbortSignal) => Promise<number | undefined>,
  failed: (error: unknown) => void,
  retryMs: number,
): Loop {
  const stopped = new AbortController();
  let woken = false;
  let wake = (): void => {
    woken = true;
  };
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        wake = () => {
          woken = true;
        };
        resolve();
      };
      // setTimeout counts in 31 bits; a longer pause just ends early.
      const timer = setTimeout(done, Math.min(Math.max(ms, 0), 0x7fff_ffff));
      wake = done;
    });
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      woken = false;
      let pauseMs: number | undefined = retryMs;
      try {
        pauseMs = await turn(stopped.signal);
      } catch (error) {
        if (!stopped.signal.aborted) failed(error);
      }
      if (pauseMs === undefined) return;
      if (!woken && !stopped.signal.aborted) await pause(pauseMs);
    }
  };
  const ended = run();
  return {
    wake: () => wake(),
    stop: async () => {
      stopped.abort();
      wake();
      await ended;
    },
  };
}
