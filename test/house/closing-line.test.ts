/** The closing line of scripts/test tells the truth about what vitest did, and nothing that went wrong ends in success. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Ending {
  readonly line: string;
  readonly status: number | null;
}

/** Runs vitest over these test files as scripts/test does, then the closing line. */
function endingOf(files: readonly string[], failedChecks = 0): Ending {
  const project = mkdtempSync(join(tmpdir(), 'holdfast-closing-'));
  try {
    cpSync(join(root, 'vitest.config.ts'), join(project, 'vitest.config.ts'));
    symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
    mkdirSync(join(project, 'test'));
    for (const [i, text] of files.entries())
      writeFileSync(join(project, 'test', `${i}.test.ts`), `import { expect, test } from 'vitest';\n${text}`);
    const results = join(project, 'results.json');
    writeFileSync(results, '');
    const node = (...command: string[]) =>
      spawnSync(process.execPath, command, { cwd: project, encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    const vitest = node(join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=json', `--outputFile.json=${results}`);
    const closing = node(join(root, 'scripts/closing-line.mjs'), results, String(vitest.status), String(failedChecks));
    return { line: closing.stdout.trimEnd(), status: closing.status };
  } finally {
    rmSync(project, { recursive: true });
  }
}

const passing = `test('holds', () => expect(1).toBe(1));`;

test.each<[what: string, files: string[], failedChecks: number, ending: Ending]>([
  ['tests that pass or are skipped', [`${passing} test.skip('later', () => {});`], 0, { line: '1 passed, 0 failed, 1 skipped', status: 0 }],
  ['a test that fails', [passing, `test('breaks', () => expect(1).toBe(2));`], 0, { line: '1 passed, 1 failed, 0 skipped', status: 1 }],
  ['a file that does not load', [passing, `throw new Error('not loaded');`], 0, { line: '1 passed, 1 failed, 0 skipped', status: 1 }],
  [
    'a rejection that nobody handles',
    [`${passing} void Promise.reject(new Error('lost'));`],
    0,
    { line: '1 passed, 1 failed, 0 skipped', status: 1 },
  ],
  ['no test at all', [], 0, { line: '0 passed, 1 failed, 0 skipped', status: 1 }],
  ['nothing but skipped tests', [`test.skip('later', () => {});`], 0, { line: '0 passed, 1 failed, 1 skipped', status: 1 }],
  ['checks that failed', [passing], 2, { line: '1 passed, 2 failed, 0 skipped', status: 1 }],
])('%s', (_what, files, failedChecks, ending) => {
  expect(endingOf(files, failedChecks)).toEqual(ending);
});
