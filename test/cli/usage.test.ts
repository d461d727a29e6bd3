/** What the command line promises to scripts: exit codes, where it writes, and messages that name the next step. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/report.ts';
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

it.each(['fleet', 'ceremony', 'token', 'fleet up', 'ceremony verify', 'witness', 'witness start'])(
  '%s --help says how, and ends with 0',
  async (command) => {
    const { code, out, err } = await holdfast(...command.split(' '), '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: holdfast ${command}`);
  },
);

it('ends with 1 on what fails, and says what to do next', async () => {
  const { code, out, err } = await holdfast('fleet', 'status', '--dir', join(folder, 'nowhere'));
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/^error: not-found: there is no fleet in .*holdfast fleet up/);
});

it('writes no colours where there is no terminal', async () => {
  const { out, err } = await holdfast('ceremony', 'dry-run', 'development-fleet', '--nodes', '3');
  expect(out).toContain('node-3/pages');
  expect(out + err).not.toContain('\x1b');
});

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
/** The lines that a person would type: their plain words, and their options. */
const typed = [...README.matchAll(/^holdfast (.*?)(?: +#.*| \|.*)?$/gm)].map(([, line = '']) => {
  const words = line.split(' ');
  const end = words.findIndex((word) => !/^[a-z][a-z0-9-]*$/.test(word));
  return { command: words.slice(0, end < 0 ? undefined : end).join(' '), options: words.filter((word) => word.startsWith('--')) };
});

it('README.md shows what people do', () => expect(typed.length).toBeGreaterThan(10));

it.each(typed)('README.md: holdfast $command $options is a command', async ({ command, options }) => {
  const { code, out } = await holdfast(...command.split(' '), '--help');
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`Usage: holdfast ${command} `) });
  for (const option of options) expect(out).toContain(`  ${option} `);
});

it('the help names every exit code', async () => {
  const { out } = await holdfast('--help');
  for (const code of Object.values(EXIT)) expect(out).toMatch(new RegExp(`^  ${code}  `, 'm'));
});

it.each(['setup', 'backup', 'restore', 'status', 'passcode', 'recovery-code', 'key', 'key64', 'cancel', 'delete'])(
  '%s can be told in JSON, errors too',
  async (command) => {
    const listed = (await holdfast(command, '--help')).out.split(/^Commands:$/m)[1] ?? '';
    const subcommands = [...listed.matchAll(/^ {2}(\w+)/gm)].filter(([, name]) => name !== 'help');
    const all = subcommands.length === 0 ? [command] : subcommands.map(([, name]) => `${command} ${name}`);
    for (const one of all) expect((await holdfast(...one.split(' '), '--help')).out, one).toContain('--json');
  },
);

it('with --json what fails is one object on stderr', async () => {
  const { code, out, err } = await holdfast('status', '--json', '--home', join(folder, 'nowhere'));
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(JSON.parse(err)).toMatchObject({
    error: { code: 'configuration', message: expect.stringContaining('holdfast setup'), next: expect.any(String) },
  });
});
