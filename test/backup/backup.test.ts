import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealTo } from '../../src/backup/age.ts';
import { ARCHIVE_FILE, type Archived, archive } from '../../src/backup/archive.ts';
import { folderTarget } from '../../src/backup/folder.ts';
import { identityOf, recipientOf } from '../../src/backup/key.ts';
import { restore } from '../../src/backup/restore.ts';
import { type Kind, type Stored, spellEntries } from '../../src/backup/tar.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { all } from './streams.ts';

const ignore = () => undefined;
const key = new Secret(systemRandom(32));
const recipient = await recipientOf(key);
let root: string;
let folder: string;
let store: string;
let back: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-backup-'));
  folder = join(root, 'folder');
  store = join(root, 'store');
  back = join(root, 'back');
  mkdirSync(join(folder, 'sub'), { recursive: true });
  writeFileSync(join(folder, 'a.txt'), 'alpha');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const backup = (): Promise<Archived> => archive(folder, recipient, store, ignore);
const bring = (): Promise<void> => restore(store, key, back, ignore);

/** A time as the file system gives it; restored ones are off by less than the microsecond that a double can carry. */
class About {
  readonly ns: bigint;
  constructor(ns: bigint) {
    this.ns = ns;
  }
}
expect.addEqualityTesters([
  (a, b) => (a instanceof About && b instanceof About ? a.ns - b.ns < 2_000n && b.ns - a.ns < 2_000n : undefined),
]);

/** Everything that must come back, by path: kind, permissions, time, content or link text. */
function inventory(at: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const path of ['.', ...readdirSync(at, { recursive: true, encoding: 'utf8' })].sort()) {
    const stat = lstatSync(join(at, path), { bigint: true });
    const content = stat.isFile() ? readFileSync(join(at, path), 'latin1') : stat.isSymbolicLink() ? readlinkSync(join(at, path)) : '';
    found[path] = [stat.mode, new About(stat.mtimeNs), stat.nlink, content];
  }
  return found;
}

describe('a folder comes back', () => {
  it('with permissions, times, empty files and folders, links inside, hard links, and folders that nobody may write to', async () => {
    const at = (...names: string[]) => join(folder, ...names);
    writeFileSync(at('sub', 'big.bin'), systemRandom(60_000));
    writeFileSync(at('sub', 'blocks.bin'), Buffer.alloc(2 << 20, 'x'));
    chmodSync(at('sub', 'big.bin'), 0o646);
    writeFileSync(at('empty'), '');
    mkdirSync(at('empty folder'));
    symlinkSync('../a.txt', at('sub', 'link'));
    symlinkSync('nowhere', at('dangling'));
    symlinkSync('.', at('sub', 'self'));
    lutimesSync(at('dangling'), 1, 1_000_000_000.5);
    linkSync(at('a.txt'), at('sub', 'twin'));
    utimesSync(at('a.txt'), 1, 1_234_567_890.123456);
    utimesSync(at('empty'), 1, -86_400.25);
    utimesSync(at('sub', 'big.bin'), 1, 5_000_000_000.5);
    mkdirSync(at('closed', 'in it'), { recursive: true });
    writeFileSync(at('closed', 'in it', 'file'), 'f');
    chmodSync(at('closed', 'in it'), 0o500);
    chmodSync(at('closed'), 0o1555);
    for (const path of ['sub', 'closed', '.']) utimesSync(at(path), 1, 1_111_111_111);
    const before = inventory(folder);
    expect(await backup()).toMatchObject({ leftOut: [], changed: [] });
    await bring();
    expect(inventory(back)).toEqual(before);
    expect(lstatSync(join(back, 'a.txt')).ino).toBe(lstatSync(join(back, 'sub', 'twin')).ino);
  });

  it('with holes where a file has long runs of zeros, and every byte in its place', async () => {
    const file = join(folder, 'disk.img');
    truncateSync(join(folder, 'a.txt'), 300_000);
    writeFileSync(file, 'begins');
    truncateSync(file, 20 << 20);
    appendFileSync(file, 'ends');
    const before = inventory(folder);
    await backup();
    await bring();
    expect(inventory(back)).toEqual(before);
    expect(lstatSync(join(back, 'disk.img')).blocks * 512).toBeLessThan(4 << 20);
  });

  it('with any name that is UTF-8, also in Debian’s tar', async () => {
    const names = [
      'ü',
      `${'ü'.repeat(60)} of more than a header's hundred bytes`,
      'new\nline',
      `${'long '.repeat(30)}\n20 linkpath=pwd\n`,
      'back\\slash',
      'a\\..\\b',
      '..\\up',
      'C:drive',
      '...',
      '-rf',
      ' ',
      '名'.repeat(85),
      'e\u0301 and \u00e9',
      '\ufeffmark',
      'star*?"<>|',
    ];
    for (const name of names) writeFileSync(join(folder, name), name);
    symlinkSync('名'.repeat(85), join(folder, 'long link'));
    linkSync(join(folder, '名'.repeat(85)), join(folder, 'twin of 名'));
    let deep = folder;
    for (let i = 0; i < 30; i++) deep = join(deep, 'ä'.repeat(30));
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'bottom'), '');
    const before = inventory(folder);
    expect((await backup()).leftOut).toEqual([]);
    await bring();
    expect(inventory(back)).toEqual(before);
    const tarred = join(root, 'tarred');
    mkdirSync(tarred);
    const keyFile = join(root, 'key.txt');
    writeFileSync(keyFile, identityOf(key).reveal());
    const tar = execFileSync('age', ['-d', '-i', keyFile, join(store, ARCHIVE_FILE)], { maxBuffer: 1 << 24 });
    execFileSync('tar', ['-xp', '--no-same-owner', '-C', tarred], { input: tar });
    expect(inventory(tarred)).toEqual(before);
  });

  it('without set-id bits, because its files change hands', async () => {
    chmodSync(join(folder, 'a.txt'), 0o6755);
    await backup();
    await bring();
    expect(lstatSync(join(back, 'a.txt')).mode & 0o7777).toBe(0o755);
  });
});

describe('what a restore would refuse is left out and told', () => {
  it.each([
    ['/etc/passwd', 'sub/link'],
    ['../../outside', 'sub/link'],
    ['..', 'link'],
    ['sub/../../folder/a.txt', 'link'],
    // As written it stays inside; followed through `top` it does not.
    ['sub/top/..', 'link'],
  ])('a link to %s', async (target, path) => {
    symlinkSync('..', join(folder, 'sub', 'top'));
    symlinkSync(target, join(folder, path));
    expect((await backup()).leftOut).toEqual([{ path, why: 'it is a link that leads out of the folder' }]);
    await bring();
    expect(existsSync(join(back, 'a.txt'))).toBe(true);
    expect(() => lstatSync(join(back, path))).toThrow('ENOENT');
  });

  it('sockets, pipes, names that are not UTF-8, and what may not be read', async () => {
    const server = createServer().listen(join(folder, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      writeFileSync(Buffer.concat([Buffer.from(join(folder, 'latin-')), Buffer.from([0xe9])]), 'x');
      const { leftOut } = await backup();
      expect(leftOut.map(({ path }) => path).sort()).toEqual(['latin-é', 'pipe', 'socket']);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    await bring();
    expect(readdirSync(back).sort()).toEqual(['a.txt', 'sub']);
  });

  it('the folder where the backup goes, if it is inside', async () => {
    const inside = join(folder, 'sub', 'backups');
    await archive(folder, recipient, inside, ignore);
    const { bytes, leftOut } = await archive(folder, recipient, inside, ignore);
    expect(leftOut).toEqual([{ path: 'sub/backups', why: 'it is where the backup goes' }]);
    expect(bytes).toBeLessThan(10_000);
    await expect(archive(folder, recipient, folder, ignore)).rejects.toMatchObject({ code: 'path' });
  });
});

describe('a file that changes while it is read', () => {
  /** Does something once the backup is past its first mebibyte. */
  const during = (act: () => void) => {
    let done = false;
    return archive(folder, recipient, store, (bytes) => {
      if (!done && bytes > 1 << 20) {
        done = true;
        act();
      }
    });
  };
  const big = () => join(folder, 'big');
  const bytes = 8 << 20;

  it('is cut to the size it had, and told', async () => {
    writeFileSync(big(), Buffer.alloc(bytes, 'x'));
    const { changed } = await during(() => appendFileSync(big(), 'more'));
    expect(changed).toEqual([{ path: 'big', why: 'it changed while it was read' }]);
    await bring();
    expect(readFileSync(join(back, 'big')).equals(Buffer.alloc(bytes, 'x'))).toBe(true);
  });

  it('is filled with zeros if it shrinks, and told', async () => {
    writeFileSync(big(), Buffer.alloc(bytes, 'x'));
    const { changed } = await during(() => truncateSync(big(), 6 << 20));
    expect(changed).toEqual([{ path: 'big', why: `its last ${2 << 20} bytes could not be read: the backup has zeros for them` }]);
    await bring();
    expect(readFileSync(join(back, 'big')).equals(Buffer.concat([Buffer.alloc(6 << 20, 'x'), Buffer.alloc(2 << 20)]))).toBe(true);
  });

  it('or vanishes, or turns into a link, does not stop the others', async () => {
    writeFileSync(big(), Buffer.alloc(bytes, 'x'));
    // Listed already when the backup begins with "big", and looked at only after it.
    for (const name of ['gone', 'kept', 'turned']) writeFileSync(join(folder, name), name);
    const { leftOut } = await during(() => {
      rmSync(join(folder, 'gone'));
      rmSync(join(folder, 'turned'));
      symlinkSync('/etc/passwd', join(folder, 'turned'));
    });
    expect(leftOut).toEqual([
      { path: 'gone', why: 'it vanished while the backup was made' },
      { path: 'turned', why: 'it is a link that leads out of the folder' },
    ]);
    await bring();
    expect(readdirSync(back)).toEqual(['a.txt', 'big', 'kept', 'sub']);
  });
});

describe('a backup', () => {
  it('opens with age and tar alone', async () => {
    await backup();
    const keyFile = join(root, 'key.txt');
    writeFileSync(keyFile, identityOf(key).reveal());
    const tar = execFileSync('age', ['-d', '-i', keyFile, join(store, ARCHIVE_FILE)], { maxBuffer: 1 << 24 });
    expect(execFileSync('tar', ['-xO', './a.txt'], { input: tar, encoding: 'utf8' })).toBe('alpha');
  });

  it('is refused whole when it is cut short or changed, and leaves nothing behind', async () => {
    writeFileSync(join(folder, 'big'), systemRandom(60_000));
    await backup();
    const file = join(store, ARCHIVE_FILE);
    const whole = readFileSync(file);
    for (const damaged of [whole.subarray(0, -20_000), whole.map((byte, i) => (i === whole.length - 9 ? byte ^ 1 : byte))]) {
      writeFileSync(file, damaged);
      await expect(bring()).rejects.toMatchObject({ code: 'malformed' });
      expect(existsSync(back)).toBe(false);
      expect(readdirSync(root).filter((name) => name.startsWith('.holdfast'))).toEqual([]);
    }
  });

  it('does not open with another key, nor over an existing folder, and is missed by name', async () => {
    await backup();
    await expect(restore(store, new Secret(systemRandom(32)), back, ignore)).rejects.toMatchObject({ code: 'malformed' });
    await expect(restore(store, key, folder, ignore)).rejects.toMatchObject({ code: 'path' });
    await expect(restore(root, key, back, ignore)).rejects.toMatchObject({ code: 'path' });
  });

  it('that breaks off leaves the one before it, and what killed ones left is cleared away after a day', async () => {
    await backup();
    const before = readFileSync(join(store, ARCHIVE_FILE));
    writeFileSync(join(folder, 'big'), Buffer.alloc(4 << 20));
    const broken = archive(folder, recipient, store, (bytes) => {
      if (bytes > 1 << 20) throw new Error('the lid was closed');
    });
    await expect(broken).rejects.toThrow('the lid was closed');
    expect(readFileSync(join(store, ARCHIVE_FILE)).equals(before)).toBe(true);
    expect(readdirSync(store)).toEqual([ARCHIVE_FILE]);
    const abandoned = join(store, `${ARCHIVE_FILE}.0011223344556677.partial`);
    const underWay = join(store, `${ARCHIVE_FILE}.8899aabbccddeeff.partial`);
    for (const path of [abandoned, underWay]) writeFileSync(path, 'x');
    utimesSync(abandoned, 1, Date.now() / 1000 - 2 * 86_400);
    await backup();
    expect([existsSync(abandoned), existsSync(underWay)]).toEqual([false, true]);
    await bring();
    expect(lstatSync(join(back, 'big')).size).toBe(4 << 20);
  });

  it('is not touched by one that is killed', async () => {
    await backup();
    const before = readFileSync(join(store, ARCHIVE_FILE));
    writeFileSync(join(folder, 'big'), Buffer.alloc(4 << 20));
    const program = `
      import { archive } from '${join(import.meta.dirname, '../../src/backup/archive.ts')}';
      const kill = (bytes) => bytes > 1 << 20 && process.kill(process.pid, 'SIGKILL');
      await archive('${folder}', '${recipient}', '${store}', kill);`;
    expect(spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program]).signal).toBe('SIGKILL');
    expect(readFileSync(join(store, ARCHIVE_FILE)).equals(before)).toBe(true);
    await bring();
    expect(readdirSync(back).sort()).toEqual(['a.txt', 'sub']);
  });

  it('of a folder that is not there fails, and stores nothing', async () => {
    await expect(archive(join(root, 'none'), recipient, store, ignore)).rejects.toMatchObject({ code: 'path' });
    expect(existsSync(join(store, ARCHIVE_FILE))).toBe(false);
  });
});

const entry = (path: string, more: Partial<Stored> = {}): Stored => {
  return { kind: 'file', path, mode: 0o644, mtimeNs: 0n, size: 0, uid: 0, gid: 0, ...more };
};
const file = (path: string, text: string, more: Partial<Stored> = {}): Stored =>
  entry(path, { size: text.length, content: each([Buffer.from(text)]), ...more });

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

/** Stores entries as a backup; what is done to the tar stream in between is up to the test. */
async function storeTar(entries: readonly Stored[], change: (tar: Buffer) => Uint8Array = (tar) => tar): Promise<void> {
  const tar = change(await all(spellEntries(each(entries))));
  await folderTarget(store).write(ARCHIVE_FILE, sealTo(recipient, each([tar])));
}

describe('a restore refuses, whole', () => {
  const dot = entry('./', { kind: 'directory', mode: 0o755 });
  const d = entry('./d/', { kind: 'directory', mode: 0o755 });
  const link = (path: string, linkPath: string): Stored => entry(path, { kind: 'symlink', linkPath });
  const endBytes = 1024;

  it.each<[string, () => Stored[], ((tar: Buffer) => Uint8Array)?]>([
    ['a path out of the folder', () => [entry('./../out')]],
    ['an absolute path', () => [entry('/tmp/out')]],
    ['a name with a NUL', () => [entry('./a\0b')]],
    ['a link out of the folder', () => [link('./l', '../out')]],
    ['an absolute link', () => [link('./l', '/')]],
    ['a link that leads out through another', () => [d, link('./d/top', '..'), link('./l', 'd/top/..')]],
    [
      'a link that is made through another',
      () => [d, entry('./d/e/', { kind: 'directory' }), link('./d/e/a', '../..'), link('./d/e/a/l', '../../..')],
    ],
    ['a link that is made outside', () => [link('./l', '..'), link('./l/made', 'x')]],
    ['a hard link out of the folder', () => [entry('./l', { kind: 'link', linkPath: '../../etc/passwd' })]],
    ['a hard link to a folder', () => [entry('./l', { kind: 'link', linkPath: './' })]],
    ['a device', () => [entry('./null', { kind: 'character-device' as Kind })]],
    ['a stream without its end', () => [file('./f', 'abc')], (tar) => tar.subarray(0, -endBytes)],
    ['a stream without its end, after a folder', () => [], (tar) => tar.subarray(0, -endBytes)],
    ['a file without its content', () => [file('./f', 'abc')], (tar) => tar.subarray(0, -endBytes - 512)],
    ['a file with half its content', () => [file('./f', 'x'.repeat(3000))], (tar) => tar.subarray(0, -endBytes - 2000)],
    ['a damaged header', () => [file('./f', 'abc')], (tar) => Buffer.concat([tar.subarray(0, -endBytes), Buffer.alloc(512, 1)])],
    ['what is no tar stream', () => [], () => Buffer.alloc(100_000, 'x')],
    ['nothing', () => [], () => Buffer.alloc(0)],
  ])('%s', async (_, entries, change) => {
    await storeTar([dot, ...entries()], change);
    await expect(bring()).rejects.toMatchObject({ code: 'malformed' });
    expect(readdirSync(root).sort()).toEqual(['folder', 'store']);
  });

  it('and never writes through a link, nor over a file', async () => {
    for (const entries of [
      [d, link('./l', 'd'), entry('./l/f')],
      [file('./f', 'abc'), file('./f', 'abc')],
    ]) {
      await storeTar([dot, ...entries]);
      await expect(bring()).rejects.toThrow(/ENOENT|EEXIST/);
      expect(existsSync(back)).toBe(false);
    }
  });
});

it('a file that nobody may read does not come back as one that all may', async () => {
  await storeTar([entry('./', { kind: 'directory', mode: 0o755 }), file('./closed', 'abc', { mode: 0 })]);
  await bring();
  expect(lstatSync(join(back, 'closed')).mode & 0o7777).toBe(0);
});

it('sizes above eight gibibytes, owners above 18 bits and times after 2038 are spelled so that tar reads them', async () => {
  const size = 9 * 2 ** 30 + 5;
  const content = each(new Array<Uint8Array>(4).fill(Buffer.alloc(1 << 16)));
  const huge = entry('./huge', { size, uid: 3_000_000, mtimeNs: 5_000_000_000_250_000_000n, content });
  const begun: Uint8Array[] = [];
  for await (const chunk of spellEntries(each([huge]))) {
    begun.push(chunk);
    if (begun.length === 4) break;
  }
  const options = { input: Buffer.concat(begun), encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } } as const;
  const listed = spawnSync('tar', ['-tv', '--numeric-owner', '--full-time'], options).stdout;
  expect(listed).toContain(`3000000/0 ${size} 2128-06-11 08:53:20.25 ./huge`);
});
