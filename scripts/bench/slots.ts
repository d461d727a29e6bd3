/** Whether a node slows down as its slots grow: votes and answers per second on one token and store, at two sizes. */
import { join } from 'node:path';
import { Child } from './child.ts';
import { temporaryFolder } from './closing.ts';
import type { Loaded } from './load.ts';
import { percentile, report, round, tell } from './report.ts';
import type { Filled, Filling } from './slots-process.ts';

const IN_FLIGHT = 64;
/** As a node has by default, and enough for a million. */
const [PAGES, PAGES_OF_MANY, SLOTS_BY_DEFAULT] = [16, 64, 260_000];

/** @param sizes the first is what the others are compared with; all with the same number of pages */
export async function slots(sizes: readonly number[], durationMs: number): Promise<void> {
  const pages = Math.max(...sizes) > SLOTS_BY_DEFAULT ? PAGES_OF_MANY : PAGES;
  let first: number | undefined;
  for (const size of sizes) {
    const { folder, remove } = temporaryFolder();
    const child = Child.start(new URL('./slots-process.ts', import.meta.url), { SOFTHSM2_CONF: join(folder, 'softhsm2.conf') });
    try {
      tell(`filling ${size} slots`);
      const filled = await child.call<Filled>('fill', { folder, slots: size, pages } satisfies Filling);
      tell(`votes and answers, ${durationMs / 1000} s`);
      const { done, seconds, latenciesMs, failed, residentMiB } = await child.call<Loaded & { residentMiB: number }>('run', {
        inFlight: IN_FLIGHT,
        durationMs,
      });
      if (Object.keys(failed).length > 0) throw new Error(`calls failed: ${JSON.stringify(failed)}`);
      await child.call('close', undefined);
      const perSecond = done / seconds;
      first ??= perSecond;
      report('slots', {
        slots: size,
        pages,
        votesAndAnswersPerSecond: round(perSecond),
        ofSmallest: round(perSecond / first),
        p50Ms: percentile(latenciesMs, 0.5),
        p99Ms: percentile(latenciesMs, 0.99),
        fillSeconds: round(filled.fillSeconds),
        startSeconds: round(filled.startSeconds),
        databaseMiB: round(filled.databaseMiB),
        residentMiB,
        inFlight: IN_FLIGHT,
      });
    } finally {
      await child.end();
      await remove();
    }
  }
}
