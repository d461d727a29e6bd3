/** `holdfast fleet shares`: what a fleet that lost nodes still has, in numbers that one of its nodes counts (node/shares.ts). */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { request } from 'undici';
import { z } from 'zod';
import { fail } from '../../base/errors.ts';
import { print, printJson, printTable } from '../report.ts';
import { requireLayout } from './layout.ts';
import { folderOption } from './options.ts';

/** A million slots take a few minutes. */
const COUNT_MS = 15 * 60_000;

const number = z.int().min(0);
const counts = z.object({
  nodes: number,
  threshold: number,
  slots: z.array(number),
  erased: number,
  deleted: number,
  moved: number,
  silent: z.array(z.string()),
});
type Counts = z.output<typeof counts>;

interface Options {
  readonly dir: string;
  readonly metrics?: string;
  readonly json?: true;
}

export function shares(): Command {
  return new Command('shares')
    .description('how many backup keys still have all shares, and how many fewer: after nodes were lost')
    .addOption(folderOption())
    .option('--metrics <url>', "the metrics listener of any node, for a fleet that is not this machine's: http://127.0.0.1:9464")
    .option('--json', 'print JSON')
    .action(async ({ dir, metrics, json }: Options) => {
      const listeners = metrics === undefined ? requireLayout(resolve(dir)).nodes.flatMap((node) => node.metrics ?? []) : [metrics];
      const counted = await ask(listeners.map((url) => new URL('/shares', url).href));
      if (json) printJson(counted);
      else show(counted);
    })
    .addHelpText('after', '\nExample:\n  holdfast fleet shares --metrics http://127.0.0.1:9464');
}

/** Each asks all of them; the first that answers is enough. */
async function ask(urls: readonly string[]): Promise<Counts> {
  const causes: string[] = [];
  for (const url of urls) {
    try {
      const { statusCode, body } = await request(url, { headersTimeout: COUNT_MS, bodyTimeout: COUNT_MS });
      const text = await body.text();
      if (statusCode === 200) return counts.parse(JSON.parse(text));
      causes.push(`${url}: status ${statusCode}`);
    } catch (error) {
      causes.push(`${url}: ${error instanceof Error ? error.message : 'unreachable'}`);
    }
  }
  return fail('no-quorum', `no node counts the shares (${causes.join('; ')})`);
}

function show({ nodes, threshold, slots, erased, deleted, moved, silent }: Counts): void {
  const rows = slots.map((count, held) => ({ held, count })).reverse();
  printTable(
    ['SHARES', 'BACKUP KEYS', ''],
    rows.map(({ held, count }) => [
      { text: `${held} of ${nodes}` },
      { text: `${count}`, ...(count > 0 && held < threshold && { colour: 'red' as const }) },
      { text: count === 0 ? '' : meaning(held, nodes, threshold) },
    ]),
  );
  print(`Locked and erased: ${erased}. Deleted by their owners: ${deleted}. Moved to another fleet: ${moved}.`);
  const left = slots.reduce((sum, count) => sum + count, 0);
  if (left === 0 && silent.length === 0 && moved > 0) print('Nobody is left here: once it is retired, this fleet may be destroyed.');
  else if (moved > 0) print(`Still here: ${left}. Do not destroy this fleet before they have moved.`);
  if (silent.length > 0) print(`Not counted, because they did not answer: ${silent.join(', ')}`);
}

function meaning(held: number, nodes: number, threshold: number): string {
  if (held === nodes) return 'whole';
  if (held > threshold) return `can lose ${held - threshold} more`;
  return held === threshold ? 'one more loss, and these are gone' : 'cannot be recovered, unless nodes that are away come back';
}
