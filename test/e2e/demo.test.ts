/** The first of the README's two commands. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const DEMO = join(import.meta.dirname, '../../scripts/demo');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('scripts/demo backs up, restores, counts, survives, locks and is verified by an outsider, and says so in its last line', () => {
  mkdirSync(join(folder, 'letters'));
  writeFileSync(join(folder, 'letters', 'grüße.txt'), 'dear reader');
  symlinkSync('letters/grüße.txt', join(folder, 'latest'));
  const { status, stdout, stderr } = spawnSync(DEMO, ['--folder', folder], { encoding: 'utf8', timeout: 580_000 });
  expect(stdout.trimEnd().split('\n').at(-1), stderr).toBe('demo: ok');
  expect(status).toBe(0);
}, 600_000);
