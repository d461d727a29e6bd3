/**
 * npm run fuzz -- [PARSER ...] [--seconds N] [--keep]
 *
 * Fuzzes the parsers of test/fuzz, guided by what of our code an input reaches, for so many seconds each (60 unless said
 * otherwise). An input that breaks the property of test/fuzz/parser.ts ends it: it is written to test/fuzz/corpus/PARSER/, where
 * the tests read it from then on. --keep also puts the few smallest inputs there that together reach all that was reached.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { asBytes } from '../../test/fuzz/parser.ts';
import { parsers } from '../../test/fuzz/parsers.ts';
import { bundleTarget } from './bundle.ts';

const ROOT = join(import.meta.dirname, '../..');
const KEPT_FILES_MAX = 12;
const KEPT_BYTES_MAX = 2048;
const INPUT_BYTES_MAX = 16_384;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, keep: { type: 'boolean', default: false } },
});
const names = positionals.length > 0 ? positionals : Object.keys(parsers);
const unknown = names.find((name) => parsers[name] === undefined);
const say = (what: string) => process.stderr.write(`fuzz: ${what}\n`);

if (unknown !== undefined) {
  say(`there is no parser ${unknown}; there are: ${Object.keys(parsers).join(', ')}`);
  process.exit(2);
}

const engine = execFileSync(join(import.meta.dirname, 'engine/build.sh'), {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
}).trim();
const work = mkdtempSync(join(tmpdir(), 'holdfast-fuzzing-'));
let broken = 0;
try {
  symlinkSync(join(ROOT, 'node_modules'), join(work, 'node_modules'));
  for (const name of names) broken += (await fuzz(name)) ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
say(broken === 0 ? 'nothing broke' : `${broken} of ${names.length} parsers broke`);
process.exitCode = broken === 0 ? 0 : 1;

/** @returns whether it held */
async function fuzz(name: string): Promise<boolean> {
  const parser = parsers[name];
  if (parser === undefined) return false;
  const at = (what: string) => join(work, name, what);
  const kept = join(ROOT, 'test/fuzz/corpus', name);
  for (const folder of [at('seeds'), at('found'), at('least'), kept]) mkdirSync(folder, { recursive: true });
  const seeds = (await parser.seeds()).map(asBytes);
  for (const [i, seed] of seeds.entries()) writeFileSync(join(at('seeds'), `${i}`), seed);
  writeFileSync(at('words'), dictionaryOf(seeds));
  const target = at('target.cjs.js');
  await bundleTarget(name, target, kept);
  say(`${name} ...`);
  const corpus = [at('seeds'), kept];
  const held = jazzer(target, [at('found'), ...corpus, `-dict=${at('words')}`, `-max_total_time=${values.seconds}`, '-reload=0']);
  if (held && values.keep) {
    jazzer(target, ['-merge=1', at('least'), at('found'), ...corpus]);
    keep(at('least'), kept, seeds);
  }
  return held;
}

function jazzer(target: string, flags: readonly string[]): boolean {
  const cli = join(engine, 'node_modules/@jazzer.js/core/dist/cli.js');
  const bounds = [`-max_len=${INPUT_BYTES_MAX}`, '-timeout=20', '-rss_limit_mb=2048', `-artifact_prefix=${work}/`, '-print_final_stats=1'];
  const chosen = ['--includes', work, '--excludes', 'node_modules', '--disable_bug_detectors', '.*'];
  const { status, stderr } = spawnSync(process.execPath, [cli, target, ...chosen, '--', ...flags, ...bounds], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const telling = /^#\d+\s+DONE|stat::number_of_executed_units|^broken|^\s+input|MERGE-OUTER|ERROR|imeout|out-of-memory/;
  for (const line of stderr.split('\n').filter((one) => telling.test(one))) say(`  ${line.slice(0, 400)}`);
  if (status !== 0) say(stderr.slice(-3000));
  return status === 0;
}

/** Members and words of the seeds, which chance alone would not find. */
function dictionaryOf(seeds: readonly Uint8Array[]): string {
  const words = new Set(
    seeds.flatMap(
      (seed) =>
        Buffer.from(seed)
          .toString('latin1')
          .match(/"?[A-Za-z][A-Za-z0-9_/.-]{2,30}"?/g) ?? [],
    ),
  );
  return [...words]
    .slice(0, 300)
    .map((word) => `"${word.replaceAll('"', '\\x22')}"\n`)
    .join('');
}

function keep(from: string, to: string, seeds: readonly Uint8Array[]): void {
  const given = new Set(seeds.map((seed) => Buffer.from(seed).toString('latin1')));
  const found = readdirSync(from)
    .map((file) => readFileSync(join(from, file)))
    .filter((input) => input.length <= KEPT_BYTES_MAX && !given.has(input.toString('latin1')))
    .sort((one, other) => one.length - other.length);
  // Some of every size: the smallest alone would all be refused at the first byte.
  const step = Math.max(1, found.length / KEPT_FILES_MAX);
  for (let at = 0; at < found.length; at += step) {
    const input = found[Math.floor(at)] as Buffer;
    writeFileSync(join(to, createHash('sha256').update(input).digest('hex').slice(0, 12)), input);
  }
}
