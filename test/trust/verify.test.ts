/** A bundle is trusted when every check passes, and each check has its attack. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BUNDLE_BYTES_MAX } from '../../src/trust/bundle.ts';
import { checkNames, recoverNeeds } from '../../src/trust/check.ts';
import { requireTrusted, verifyBundle } from '../../src/trust/verify.ts';
import { World } from './world.ts';

test('docs/transparency.md lists the checks in their order, and marks those that a recovery needs', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/transparency.md'), 'utf8');
  const table = document.slice(document.indexOf('| check | |'), document.indexOf("## The witness's admission policy"));
  const rows = [...table.matchAll(/^\| `([a-z-]+)`( R)? \|/gm)].map(([, name, mark]) => [name, mark === ' R']);
  expect(rows).toEqual(checkNames.map((name) => [name, recoverNeeds.includes(name)]));
});

describe('an honest bundle', () => {
  test('passes every check, in the order of the documents, and gives the fleet', async () => {
    const world = new World();
    const { entry } = await world.publish();
    const verdict = verifyBundle((await world.bundle()).line, world.options());
    expect(verdict.checks.map(({ name, result }) => [name, result])).toEqual(checkNames.map((name) => [name, 'passed']));
    const trusted = requireTrusted(verdict);
    expect(trusted.fleet).toEqual(entry.fleets[0]);
    expect(trusted.seenAfter).toMatchObject({ sequence: 1, digest: entry.digest, size: 1 });
  });
});

test('a bundle that is too large is refused before it is read', () => {
  const world = new World();
  const { checks, trusted } = verifyBundle('x'.repeat(BUNDLE_BYTES_MAX + 1), world.options());
  expect(trusted).toBe(false);
  expect(checks[0]).toMatchObject({ name: 'bundle-form', result: 'failed' });
  expect(checks.slice(1).every(({ result }) => result === 'skipped')).toBe(true);
});
