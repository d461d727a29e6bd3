/**
 * A program that puts seeds and kept inputs of every parser to the property, and prints a line of JSON for each parser. It is run
 * with little memory: an input that needs more ends it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asBytes, hold, type Parser } from './parser.ts';
import { parsers } from './parsers.ts';

/** What the slowest input took of the processor, and how many were read and refused. */
export interface Replayed {
  readonly name: string;
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly broken: readonly string[];
}

const CORPUS = join(import.meta.dirname, 'corpus');

async function replay(name: string, parser: Parser): Promise<Replayed> {
  const kept = readdirSync(join(CORPUS, name)).map((file) => Uint8Array.from(readFileSync(join(CORPUS, name, file))));
  const seeds = (await parser.seeds()).map(asBytes);
  // What is loaded and compiled at the first call is not the input's fault.
  for (const seed of seeds) await hold(parser, seed).catch(() => false);
  const broken: string[] = [];
  let [read, refused, slowestMs] = [0, 0, 0];
  for (const input of [...seeds, ...kept]) {
    const before = process.cpuUsage();
    try {
      if (await hold(parser, input)) read += 1;
      else refused += 1;
    } catch (error) {
      broken.push(error instanceof Error ? error.message : String(error));
    }
    const { user, system } = process.cpuUsage(before);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
  }
  return { name, read, refused, slowestMs, broken };
}

for (const [name, parser] of Object.entries(parsers)) process.stdout.write(`${JSON.stringify(await replay(name, parser))}\n`);
process.exit(0);
