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
import { END, type Entry, padding, spellEntry } from '../../src/backup/tar.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';

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

/** Everything that must come back, by path: kind, permissions, time in microseconds, content or link text. */
function inventory(at: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const path of ['.', ...readdirSync(at, { recursive: true, encoding: 'utf8' })].sort()) {
    const stat = lstatSync(join(at, path), { bigint: true });
    const content = stat.isFile() ? readFileSync(join(at, path), 'latin1') : stat.isSymbolicLink() ? readlinkSync(join(at, path)) : '';
    found[path] = [stat.mode, stat.mtimeNs / 10_000n, stat.nlink, content];
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
    await expect(archive(folder, recipient, folder, ignore)).rejects.toMatchObject({ code: 'malformed' });
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
    await expect(restore(store, key, folder, ignore)).rejects.toMatchObject({ code: 'malformed' });
    await expect(restore(root, key, back, ignore)).rejects.toMatchObject({ code: 'not-found' });
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
    await expect(archive(join(root, 'none'), recipient, store, ignore)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(existsSync(join(store, ARCHIVE_FILE))).toBe(false);
  });
});

describe('a restore refuses, whole', () => {
  const entry = (path: string, more: Partial<Entry> = {}): Uint8Array =>
    spellEntry({ kind: 'File', path, mode: 0o644, mtimeNs: 0n, size: 0, ...more }, { uid: 0, gid: 0 });
  const dot = entry('./', { kind: 'Directory', mode: 0o755 });
  const device = Buffer.from(entry('./null'));
  device.write('3', 156, 'latin1');
  let sum = 8 * 32;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : (device[i] as number);
  device.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const file = [entry('./f', { size: 3 }), Buffer.from('abc'), padding(3)];

  it.each<[string, Uint8Array[]]>([
    ['a path out of the folder', [dot, entry('./../out'), END]],
    ['an absolute path', [dot, entry('/tmp/out'), END]],
    ['a link out of the folder', [dot, entry('./l', { kind: 'SymbolicLink', linkPath: '../out' }), END]],
    ['an absolute link', [dot, entry('./l', { kind: 'SymbolicLink', linkPath: '/' }), END]],
    [
      'a link that leads out through another',
      [
        dot,
        entry('./d/', { kind: 'Directory', mode: 0o755 }),
        entry('./d/top', { kind: 'SymbolicLink', linkPath: '..' }),
        entry('./l', { kind: 'SymbolicLink', linkPath: 'd/top/..' }),
        END,
      ],
    ],
    ['a hard link out of the folder', [dot, entry('./l', { kind: 'Link', linkPath: '../../etc/passwd' }), END]],
    ['a hard link to a folder', [dot, entry('./l', { kind: 'Link', linkPath: './' }), END]],
    ['a device', [dot, device, END]],
    ['a stream without its end', [dot, ...file]],
    ['a file without its content', [dot, entry('./f', { size: 3 })]],
    ['a damaged header', [dot, Buffer.alloc(512, 1), END]],
  ])('%s', async (_, stream) => {
    async function* tar() {
      yield* stream;
    }
    await folderTarget(store).write(ARCHIVE_FILE, sealTo(recipient, tar()));
    await expect(bring()).rejects.toMatchObject({ code: 'malformed' });
    expect(readdirSync(root).sort()).toEqual(['folder', 'store']);
  });

  it('and never writes through a link, nor over a file', async () => {
    const link = entry('./l', { kind: 'SymbolicLink', linkPath: 'd' });
    const through = [dot, entry('./d/', { kind: 'Directory', mode: 0o755 }), link, entry('./l/f'), END];
    for (const stream of [through, [dot, ...file, ...file, END]]) {
      async function* tar() {
        yield* stream;
      }
      await folderTarget(store).write(ARCHIVE_FILE, sealTo(recipient, tar()));
      await expect(bring()).rejects.toThrow(/ENOENT|EEXIST/);
      expect(existsSync(back)).toBe(false);
    }
  });
});

it('a size above eight gibibytes is spelled so that tar reads it', () => {
  const size = 9 * 2 ** 30 + 5;
  const head = spellEntry({ kind: 'File', path: './huge', mode: 0o644, mtimeNs: 0n, size }, { uid: 3_000_000, gid: 0 });
  const listed = spawnSync('tar', ['-tv', '--numeric-owner'], { input: head, encoding: 'utf8' }).stdout;
  expect(listed).toContain(`3000000/0 ${size} `);
});
