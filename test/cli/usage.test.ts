/** What the command line promises to scripts: exit codes, where it writes, and messages that name the next step. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { holdfast } from './holdfast.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-usage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['no command', []],
  ['an unknown command', ['fly']],
  ['an unknown option', ['fleet', 'status', '--fast']],
  ['a size that no fleet has', ['fleet', 'up', '--nodes', '4']],
  ['a missing option', ['token', 'check']],
])('ends with 2 on %s', async (_what, args) => {
  const { code, out, err } = await holdfast(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).not.toBe('');
});

it.each(['fleet', 'ceremony', 'token', 'fleet up', 'ceremony verify'])('%s --help says how, and ends with 0', async (command) => {
  const { code, out, err } = await holdfast(...command.split(' '), '--help');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain(`Usage: holdfast ${command}`);
});

it('ends with 1 on what fails, and says what to do next', async () => {
  const { code, out, err } = await holdfast('fleet', 'status', '--dir', join(folder, 'nowhere'));
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/^error: not-found: there is no fleet in .*holdfast fleet up/);
});

it('writes no colours where there is no terminal', async () => {
  const { out, err } = await holdfast('ceremony', 'dry-run', '--nodes', '3');
  expect(out).toContain('node-3/pages');
  expect(out + err).not.toContain('\x1b');
});
