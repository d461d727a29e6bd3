/** What docs/ceremony.md tells people to type, and which plans it says there are. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { kinds } from '../../src/ceremony/kinds.ts';
import { MAIN } from '../cli/holdfast.ts';
import { exampleParameters } from './room.ts';

const LONG_MS = 240_000;
const text = readFileSync(join(import.meta.dirname, '../../docs/ceremony.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-ceremony-document-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The one command of the document that begins so, as a person types it. */
function typed(command: string): Promise<{ failed: boolean; out: string }> {
  const lines = text.split('\n').filter((line) => line.startsWith(`    holdfast ceremony ${command} `));
  expect(lines, command).toHaveLength(1);
  const [, rest = ''] = /^ +holdfast (.*)$/.exec(lines[0] ?? '') ?? [];
  return new Promise((resolve) => {
    execFile('bash', ['-c', `'${process.execPath}' '${MAIN}' ${rest}`], { cwd: folder, maxBuffer: 1 << 26 }, (error, out) =>
      resolve({ failed: error !== null, out }),
    );
  });
}

test('names every plan that exists, and no other', () => {
  const [plans = ''] = text.split('\n## Roles');
  const named = [...plans.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(kinds.map(({ name }) => name).toSorted());
});

test('its commands work in their order, and nothing is done with parameters that nobody filled in', { timeout: LONG_MS }, async () => {
  expect((await typed('key')).out).toMatch(/^[A-Za-z0-9_-]{43,}\n$/);
  expect((await typed('plan')).failed).toBe(false);
  expect((await typed('dry-run')).failed).toBe(true);
  writeFileSync(join(folder, 'parameters.json'), JSON.stringify(exampleParameters('first-fleet')));
  expect((await typed('script')).failed).toBe(false);
  expect(readFileSync(join(folder, 'script.md'), 'utf8')).toContain('## Who is here');
});
