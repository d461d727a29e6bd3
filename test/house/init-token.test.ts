/** softhsm/init-token.sh makes a token that takes its PIN, for its owner only, and overwrites none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = join(import.meta.dirname, '../../softhsm/init-token.sh');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-init-token-'));
  writeFileSync(join(folder, 'so-pin'), '87654321\n', { mode: 0o600 });
  writeFileSync(join(folder, 'pin'), 'a pin with spaces\n', { mode: 0o600 });
});

afterEach(() => rmSync(folder, { recursive: true }));

function initToken(pinFile = 'pin') {
  const files = [join(folder, 'node-1'), 'node-1', join(folder, 'so-pin'), join(folder, pinFile)];
  const { status, stdout, stderr } = spawnSync(script, files, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function login(pin: string) {
  const command = ['--module', '/usr/lib/softhsm/libsofthsm2.so', '--token-label', 'node-1', '--login', '--pin', pin, '--list-objects'];
  return spawnSync('pkcs11-tool', command, { env: { ...process.env, SOFTHSM2_CONF: join(folder, 'node-1/softhsm2.conf') } }).status;
}

test('the token takes its PIN and no other, and only its owner can read it', () => {
  expect(initToken()).toMatchObject({ status: 0, stdout: `SOFTHSM2_CONF=${folder}/node-1/softhsm2.conf\n` });
  expect(login('a pin with spaces')).toBe(0);
  expect(login('env:PIN')).not.toBe(0);
  for (const part of ['', '/softhsm2.conf', '/tokens']) expect(statSync(`${folder}/node-1${part}`).mode & 0o077).toBe(0);
});

test('a second run leaves the token as it is', () => {
  initToken();
  writeFileSync(join(folder, 'pin'), 'another\n', { mode: 0o600 });
  expect(initToken()).toMatchObject({ status: 1, stderr: expect.stringContaining('holds a token already') });
  expect(login('a pin with spaces')).toBe(0);
});

test('a PIN file that others may read is refused', () => {
  writeFileSync(join(folder, 'open-pin'), '123456\n', { mode: 0o644 });
  expect(initToken('open-pin')).toMatchObject({ status: 1, stderr: expect.stringContaining('others may read') });
});
