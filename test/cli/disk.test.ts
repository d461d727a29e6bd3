/** What people are told when the disk is full, or a path is wrong: the reason, the next step, and nothing is lost or half done. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Device } from './person.ts';

const KEY = 'a1'.repeat(32);
let root = '';
let device: Device;
const path = (...parts: string[]) => join(root, ...parts);

/** A file system of 8 MiB, where this user may make one. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', path('small')], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
  for (const name of ['small', 'little', 'large']) mkdirSync(path(name));
  writeFileSync(path('little', 'letter.txt'), 'Dear Bob,');
  writeFileSync(path('large', 'film'), Buffer.concat(Array.from({ length: 160 }, () => systemRandom(65_536))));
  device = new Device(path('home'));
  await device.json(['key64', 'enter'], { key64: KEY });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const restoreTo = (to: string, from: string) => device.run(['restore', from, '--to', to], { key64: KEY });

describe('a full disk', () => {
  let mounted = false;
  beforeAll(() => {
    mounted = mountSmall();
  });
  afterAll(() => {
    if (mounted) execFileSync('umount', [path('small')]);
  });

  it('leaves the backup before as it was, and says what to do', async ({ skip }) => {
    skip(!mounted, 'this user may not mount');
    await device.json(['backup', path('little'), '--key64', '--to', path('small', 'store')]);
    const { code, err } = await device.run(['backup', path('large'), '--key64', '--to', path('small', 'store')]);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/^error: disk-full: \S+small\/store: no space left.*\n {2}next: Free space/m),
    });
    expect(readdirSync(path('small', 'store')).sort()).toEqual(['backup.tar.age', 'holdfast-backup.json']);
    expect((await restoreTo(path('back'), path('small', 'store'))).code).toBe(0);
    expect(readFileSync(path('back', 'letter.txt'), 'utf8')).toBe('Dear Bob,');
  });

  it('leaves nothing of a folder that does not fit', async ({ skip }) => {
    skip(!mounted, 'this user may not mount');
    await device.json(['backup', path('large'), '--key64', '--to', path('store')]);
    const { code, err } = await device.run(['restore', path('store'), '--to', path('small', 'back'), '--json'], { key64: KEY });
    expect({ code, error: JSON.parse(err.split('\n').at(-2) ?? '') }).toMatchObject({
      code: 1,
      error: { error: { code: 'disk-full', message: expect.stringMatching(/small: no space left/) } },
    });
    expect(readdirSync(path('small'))).toEqual(['store']);
  });
});

describe('a wrong path', () => {
  it.each([
    [
      'a folder that is not there',
      () => device.run(['backup', path('nowhere'), '--key64', '--to', path('store')]),
      'nowhere does not exist',
    ],
    ['a file for a folder', () => device.run(['backup', path('large', 'film'), '--key64', '--to', path('store')]), 'film is not a folder'],
    ['the folder into itself', () => device.run(['backup', path('little'), '--key64', '--to', path('little')]), 'into the folder itself'],
    ['a backup that is not there', () => restoreTo(path('back-2'), path('nowhere')), 'no backup was made here'],
    ['a target that exists', () => restoreTo(path('little'), path('nowhere')), 'no backup was made here'],
    ['a target in no folder', () => restoreTo(path('no', 'such', 'back'), path('here')), 'is no folder in which'],
  ])('%s is named before anybody is asked for a key', async (_, run, told) => {
    await device.json(['backup', path('little'), '--key64', '--to', path('here')]);
    const { code, err } = await run();
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(new RegExp(`^error: path: .*${told}.*\\n  next: Name another`, 'm')),
    });
  });

  it('cannot take hold of the terminal that it is shown on', async () => {
    const { err } = await device.run(['backup', path('\x1b[2Jnowhere\u202e'), '--key64', '--to', path('store')]);
    expect(err).toContain('\\x1b[2Jnowhere\\x202e does not exist');
    expect(err).not.toContain('\x1b[2J');
  });
});
