import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ARCHIVE_FILE, archive } from '../../src/backup/archive.ts';
import { identityOf, recipientOf } from '../../src/backup/key.ts';
import { restore } from '../../src/backup/restore.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';

const ignore = () => undefined;
let root: string;
let folder: string;
let store: string;
const key = new Secret(systemRandom(32));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-backup-'));
  folder = join(root, 'folder');
  store = join(root, 'store');
  mkdirSync(join(folder, 'sub'), { recursive: true });
  mkdirSync(store);
  writeFileSync(join(folder, 'a.txt'), 'alpha');
  writeFileSync(join(folder, 'sub', 'big.bin'), systemRandom(60_000));
  chmodSync(join(folder, 'sub', 'big.bin'), 0o640);
  symlinkSync('../a.txt', join(folder, 'sub', 'link'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function backup(): Promise<void> {
  await archive(folder, await recipientOf(key), store, ignore);
}

describe('a backup', () => {
  it('comes back byte by byte, with modes and links', async () => {
    await backup();
    const target = join(root, 'back');
    await restore(store, key, target, ignore);
    expect(readFileSync(join(target, 'sub', 'big.bin'))).toEqual(readFileSync(join(folder, 'sub', 'big.bin')));
    expect(statSync(join(target, 'sub', 'big.bin')).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(target, 'sub', 'link'), 'utf8')).toBe('alpha');
  });

  it("opens with Debian's age and tar", async () => {
    await backup();
    const keyFile = join(root, 'key.txt');
    writeFileSync(keyFile, identityOf(key).reveal());
    const tar = execFileSync('age', ['-d', '-i', keyFile, join(store, ARCHIVE_FILE)], { maxBuffer: 1 << 24 });
    expect(execFileSync('tar', ['-xO', './a.txt'], { input: tar, encoding: 'utf8' })).toBe('alpha');
  });

  it('is refused whole when it is cut short or changed, and leaves nothing behind', async () => {
    await backup();
    const file = join(store, ARCHIVE_FILE);
    const whole = readFileSync(file);
    for (const damage of [
      () => truncateSync(file, whole.length - 20_000),
      () =>
        writeFileSync(
          file,
          whole.map((byte, i) => (i === whole.length - 9 ? byte ^ 1 : byte)),
        ),
    ]) {
      damage();
      await expect(restore(store, key, join(root, 'back'), ignore)).rejects.toMatchObject({ code: 'malformed' });
      expect(existsSync(join(root, 'back'))).toBe(false);
      expect(readdirSync(root).filter((name) => name.startsWith('.holdfast'))).toEqual([]);
    }
  });

  it('refuses links that leave the folder', async () => {
    symlinkSync('../../../etc/passwd', join(folder, 'sub', 'escape'));
    await backup();
    await expect(restore(store, key, join(root, 'back'), ignore)).rejects.toMatchObject({ code: 'malformed' });
  });

  it('does not open with another key, nor over an existing folder', async () => {
    await backup();
    await expect(restore(store, new Secret(systemRandom(32)), join(root, 'back'), ignore)).rejects.toMatchObject({ code: 'malformed' });
    await expect(restore(store, key, folder, ignore)).rejects.toMatchObject({ code: 'malformed' });
  });
});
