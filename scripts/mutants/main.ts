/**
 * npm run mutants -- [WORD ...] [--list] [--seeds N] [--workers N]
 *
 * Breaks one rule of the product at a time, in copies of it, and runs the tests: whatever they do not notice SURVIVED, and the
 * command fails. A mutant meets the tests that its row names, else those of the protocol and then N seeds of the simulation.
 * WORD chooses the mutants whose name or file contains it.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Mutant } from './mutant.ts';
import { table } from './table.ts';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['src', 'test', 'scripts', 'docs', 'softhsm', 'package.json', 'package-lock.json', 'tsconfig.json', 'vitest.config.ts'];
const PROTOCOL = ['test/quorum', 'test/client/open.test.ts'];
// Not the planted bugs: they must be found in the product as it is.
const SIMULATION = ['test/simulation/laws'];
const LIMIT_MS = 600_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '400' },
    workers: { type: 'string', default: `${availableParallelism()}` },
  },
});
const chosen = table.filter(({ name, file }) => positionals.length === 0 || positionals.some((word) => `${file} ${name}`.includes(word)));
const waiting = [...chosen];
const survivors: Mutant[] = [];

if (values.list) {
  for (const { file, name } of chosen) console.log(`${file}: ${name}`);
} else {
  await Promise.all(Array.from({ length: Math.max(1, Number(values.workers)) }, work));
  console.log(`${chosen.length - survivors.length} of ${chosen.length} mutants were caught`);
  process.exitCode = survivors.length === 0 && chosen.length > 0 ? 0 : 1;
}

/** Takes mutants one by one, in a copy of its own. */
async function work(): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-mutant-'));
  try {
    for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const startMs = performance.now();
      const by = await caughtBy(mutant, copy);
      if (by === undefined) survivors.push(mutant);
      const seconds = Math.round((performance.now() - startMs) / 1000);
      console.log(`${mutant.file}: ${mutant.name}: ${by === undefined ? 'SURVIVED' : `caught by ${by}`} (${seconds} s)`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** @returns the first test that failed */
async function caughtBy({ file, find, replace, tests }: Mutant, copy: string): Promise<string | undefined> {
  const at = join(copy, file);
  const text = readFileSync(at, 'utf8');
  if (text.split(find).length !== 2) throw new Error(`${file}: expected once: ${find}`);
  writeFileSync(
    at,
    text.replace(find, () => replace),
  );
  try {
    for (const files of tests === undefined ? [PROTOCOL, SIMULATION] : [tests]) {
      const failed = await firstFailure(files, copy);
      if (failed !== undefined) return failed;
    }
    return undefined;
  } finally {
    writeFileSync(at, text);
  }
}

function firstFailure(files: readonly string[], copy: string): Promise<string | undefined> {
  const env = { ...process.env, NO_COLOR: '1', HOLDFAST_SEEDS: values.seeds };
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--bail', '1', '--maxWorkers', '1', ...files];
  const child = spawn(process.execPath, args, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(undefined);
      // A mutant that does not load was never tried.
      else if (/SyntaxError|ReferenceError|Transform failed|PARSE_ERROR/.test(said)) reject(new Error(said));
      else resolve(/^\s*FAIL\s+(.*)$/m.exec(said)?.[1] ?? `an end with ${code ?? 'a signal'}`);
    });
  });
}
