/** The backup key as the password of restic, in the spelling that `holdfast key` prints. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type BackupKey, identityOf } from '../../src/backup/key.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';

const installed = spawnSync('restic', ['version']).status === 0;
const root = mkdtempSync(join(tmpdir(), 'holdfast-restic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function passwordOf(key: BackupKey, name: string): string {
  const file = join(root, name);
  writeFileSync(file, `${identityOf(key).reveal()}\n`, { mode: 0o600 });
  return `cat ${file}`;
}

describe.skipIf(!installed)('restic', () => {
  it('keeps a repository under the backup key, and opens it with no other', () => {
    const folder = join(root, 'folder');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.txt'), 'alpha');
    const env = { ...process.env, RESTIC_REPOSITORY: join(root, 'repository'), RESTIC_CACHE_DIR: join(root, 'cache') };
    const restic = (command: string, ...args: string[]) =>
      execFileSync('restic', ['--password-command', command, ...args], { env, stdio: 'pipe' });
    const ours = passwordOf(new Secret(systemRandom(32)), 'ours');
    restic(ours, 'init');
    restic(ours, 'backup', folder);
    restic(ours, 'restore', 'latest', '--target', join(root, 'back'));
    expect(readFileSync(join(root, 'back', folder, 'a.txt'), 'utf8')).toBe('alpha');
    const stranger = passwordOf(new Secret(systemRandom(32)), 'stranger');
    expect(() => restic(stranger, 'snapshots')).toThrow(/wrong password/);
  });
});
