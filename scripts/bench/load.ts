/** Closed-loop load: so many at work at any moment, each beginning its next piece when the last is done. */

export interface Loaded {
  readonly done: number;
  readonly seconds: number;
  /** Of what was done, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** What failed, by its message, and how often. */
  readonly failed: Readonly<Record<string, number>>;
}

/**
 * @param next begins the next piece of worker `i`; nothing when there is none left
 * @param durationMs begins nothing after it
 */
export async function load(
  workers: number,
  next: (worker: number) => (() => Promise<unknown>) | undefined,
  durationMs = Number.POSITIVE_INFINITY,
): Promise<Loaded> {
  const latenciesMs: number[] = [];
  const failed: Record<string, number> = {};
  const beganMs = performance.now();
  const work = async (worker: number): Promise<void> => {
    for (let piece = next(worker); piece !== undefined; piece = next(worker)) {
      const pieceMs = performance.now();
      if (pieceMs - beganMs >= durationMs) return;
      try {
        await piece();
        latenciesMs.push(performance.now() - pieceMs);
      } catch (error) {
        const why = error instanceof Error ? error.message.slice(0, 160) : String(error);
        failed[why] = (failed[why] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return { done: latenciesMs.length, seconds: (performance.now() - beganMs) / 1000, latenciesMs, failed };
}
