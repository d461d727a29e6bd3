/** docs/operations.md and its unit say what the programs do: each command has its options, each file and code is there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codes } from '../../src/base/errors.ts';
import { custodianCommands } from '../../src/cli/custodian.ts';
import { fleetCommands } from '../../src/cli/fleet.ts';
import { nodeCommands } from '../../src/cli/node.ts';
import { releaseCommands } from '../../src/cli/release.ts';
import { EXIT } from '../../src/cli/report.ts';

const project = join(import.meta.dirname, '../..');
const document = readFileSync(join(project, 'docs/operations.md'), 'utf8');
const unit = readFileSync(join(project, 'docs/holdfast-node.service'), 'utf8');
const groups = [custodianCommands(), fleetCommands(), nodeCommands(), releaseCommands()];

function help(group: string, name: string): string {
  const found = groups.find((one) => one.name() === group)?.commands.find((one) => one.name() === name);
  if (found === undefined) throw new Error(`there is no command ${group} ${name}`);
  return found.helpInformation();
}

test('every command of holdfast in it exists, with all its options', () => {
  const commands = [...document.matchAll(/(?:^ {4}|`)holdfast ([a-z]+) ([a-z]+)([^\n`]*)/gm)];
  expect(new Set(commands.map(([, group, name]) => `${group} ${name}`)).size).toBeGreaterThan(4);
  for (const [, group, name, rest] of commands) {
    const told = help(group!, name!);
    for (const [option] of rest!.matchAll(/--[a-z-]+/g)) expect(told).toContain(option);
  }
});

test('every script and file that it names is there', () => {
  for (const [, file] of document.matchAll(/(?:^ {4}|`)((?:scripts|test)\/[\w./-]+)/gm))
    expect(existsSync(join(project, file!)), file).toBe(true);
  for (const [, file] of document.matchAll(/\]\(([\w.-]+)\)/g)) expect(existsSync(join(project, 'docs', file!)), file).toBe(true);
});

test('the codes of its table are codes, and the exit code is the one of a refused PIN', () => {
  for (const code of ['token-unavailable', 'pin-refused', 'release-refused', 'token-full']) {
    expect(document).toContain(`\`${code}\``);
    expect(codes).toHaveProperty([code]);
  }
  expect(document).toContain(`exit code ${EXIT.pinRefused}`);
  expect(unit).toContain(`RestartPreventExitStatus=${EXIT.pinRefused}`);
});

test('the unit starts the launcher with options that it has', () => {
  const [, args] = /launch\.ts \\\n(.*)$/m.exec(unit)!;
  const launcher = readFileSync(join(project, 'src/release/launch.ts'), 'utf8');
  for (const [, option] of args!.split(' -- ')[0]!.matchAll(/--([a-z]+)/g)) expect(launcher).toContain(`${option}: {`);
  expect(help('node', 'start')).toContain('--config');
});

const analyze = spawnSync('systemd-analyze', ['--version']).status === 0;

test.runIf(analyze)('systemd knows every line of the unit', () => {
  const { stderr } = spawnSync('systemd-analyze', ['verify', join(project, 'docs/holdfast-node.service')], { encoding: 'utf8' });
  expect(stderr).not.toMatch(/Unknown (key|section)|Failed to parse|Invalid/);
});
