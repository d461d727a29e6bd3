/** One command at a time changes a fleet's folder; one that was killed does not keep the others out. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { locked } from '../../src/cli/fleet/lock.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('keeps a second command out until the first has ended, however it ended', async () => {
  await locked(folder, async () => {
    await expect(locked(folder, async () => 'in')).rejects.toMatchObject({ code: 'overloaded', evidence: { pid: process.pid } });
  });
  await expect(locked(folder, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await locked(folder, async () => 'in')).toBe('in');
  expect(existsSync(join(folder, 'lock'))).toBe(false);
});

it('is taken over from a command that was killed', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(folder, 'lock'), `${pid}`);
  expect(await locked(folder, async () => 'in')).toBe('in');
});
