/** A ceremony whose command is killed in the middle goes on when it is run again, or says why it cannot: it replaces nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdfast, holdfastJson, MAIN } from './holdfast.ts';

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'holdfast-interrupted-')), 'fleet');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const lines = (): string[] =>
  existsSync(join(folder, 'transcript.jsonl')) ? readFileSync(join(folder, 'transcript.jsonl'), 'utf8').split('\n') : [];

/** Kills the command once so many steps are on record. */
async function killAfter(steps: number): Promise<void> {
  const command: ChildProcess = spawn(process.execPath, [MAIN, 'ceremony', 'run', 'development-fleet', '--nodes', '3', '--dir', folder], {
    stdio: 'ignore',
  });
  const ended = once(command, 'exit');
  while (lines().length - 1 <= steps && command.exitCode === null) await sleep(5);
  command.kill('SIGKILL');
  await ended;
  expect(command.signalCode, 'it was killed before it had ended').toBe('SIGKILL');
}

it.each([1, 9])(
  'after %i steps',
  async (steps) => {
    await killAfter(steps);
    const recorded = lines().slice(0, -1);
    const { code, err } = await holdfast('ceremony', 'run', 'development-fleet', '--dir', folder);
    if (code !== 0) {
      // Killed while a key was being made: what is there is neither taken for a key nor replaced.
      expect(err).toMatch(/^error: (configuration|token-unsuitable): node-\d\/\w+: .*can be removed, and the ceremony begun again/m);
      return;
    }
    expect(lines().slice(0, recorded.length)).toEqual(recorded);
    await expect(holdfastJson('ceremony', 'verify', '--dir', folder)).resolves.toMatchObject({ compared: ['fleet-entry.json'], lines: 30 });
  },
  300_000,
);
