/** The files of SoftHSM's tokens are synced by whoever runs them. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { syncTokens } from '../../src/node/token-folder.ts';
import { makeSoftHsm } from '../token/softhsm.ts';

const hsm = makeSoftHsm(['one', 'two']);
afterAll(() => hsm.remove());

it('all of them are, and their folders', () => {
  const names = readdirSync(join(hsm.folder, 'tokens'), { recursive: true });
  expect(names.length).toBeGreaterThan(4);
  expect(syncTokens({ SOFTHSM2_CONF: hsm.conf })).toBe(names.length + 1);
});

it('nothing is where no SoftHSM is configured', () => {
  expect(syncTokens({})).toBe(0);
  const other = join(hsm.folder, 'other.conf');
  writeFileSync(other, 'log.level = ERROR\n');
  expect(syncTokens({ SOFTHSM2_CONF: other })).toBe(0);
  rmSync(other);
});

it('says what cannot be synced', () => {
  expect(() => syncTokens({ SOFTHSM2_CONF: join(hsm.folder, 'none') })).toThrow('ENOENT');
});
