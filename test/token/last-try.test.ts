/**
 * A token that counts wrong PINs locks itself for good: so none is tried where it could be the last. SoftHSM keeps these flags and
 * never sets them; here they are put into its files before it is loaded.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { openCreation, openToken } from '../../src/token/index.ts';
import { makeSoftHsm, type SoftHsm } from './softhsm.ts';

/** CKF_RNG, LOGIN_REQUIRED, USER_PIN_INITIALIZED, RESTORE_KEY_NOT_NEEDED, TOKEN_INITIALIZED: of a new token. */
const NEW = 0x42dn;
const COUNT_LOW = 0x10000n;
const FINAL_TRY = 0x20000n;
const LOCKED = 0x40000n;
const FLAGS: Readonly<Record<string, bigint>> = { low: COUNT_LOW, last: COUNT_LOW | FINAL_TRY, locked: COUNT_LOW | LOCKED };

let hsm: SoftHsm;
const filesOf = (label: string): string[] => {
  const folder = join(hsm.folder, 'tokens');
  const files = readdirSync(folder).map((name) => join(folder, name, 'token.object'));
  return files.filter((file) => readFileSync(file, 'latin1').includes(label.padEnd(32)));
};

beforeAll(() => {
  hsm = makeSoftHsm(Object.keys(FLAGS));
  for (const [label, more] of Object.entries(FLAGS)) {
    const [file] = filesOf(label) as [string];
    const bytes = readFileSync(file);
    const spelled = Buffer.alloc(8);
    spelled.writeBigUInt64BE(NEW);
    const at = bytes.indexOf(spelled);
    expect(at, 'where SoftHSM keeps the flags').toBeGreaterThan(0);
    bytes.writeBigUInt64BE(NEW | more, at);
    writeFileSync(file, bytes);
  }
});
afterAll(() => hsm.remove());

describe('a PIN, be it the right one, is not tried', () => {
  test.each([
    ['last', /one more wrong PIN would lock the token, and nothing was tried: log in once with the right one/],
    ['locked', /has locked its PIN after wrong ones, and nothing was tried: its security officer sets a new one/],
  ])('on a token whose flags say %s', async (label, message) => {
    const [file] = filesOf(label) as [string];
    const before = readFileSync(file);
    const refused = expect.objectContaining({ code: 'pin-refused', message: expect.stringMatching(message), evidence: { token: label } });
    await expect(openToken(hsm.config(label))).rejects.toEqual(refused);
    await expect(openToken({ ...hsm.config(label), pin: new Secret('000000') })).rejects.toEqual(refused);
    expect(() => openCreation(hsm.config(label))).toThrow(refused);
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

test('after a wrong PIN that was not the last but one, the right one is, and clears the count', () => {
  openCreation(hsm.config('low')).close();
  const [file] = filesOf('low') as [string];
  const flags = Buffer.alloc(8);
  flags.writeBigUInt64BE(NEW);
  expect(readFileSync(file).includes(flags)).toBe(true);
});
