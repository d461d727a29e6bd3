/** What people do every day, by the commands that they type, on a fleet of three real processes. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountStatus } from '../../src/device/status.ts';
import { TestFleet } from '../e2e/fleet.ts';
import { Device } from './person.ts';

const BUSY_MS = 180_000;
const PIN = '271828';
const NEW_PIN = '938461';
const WRONG_PIN = '314159';

let fleet: TestFleet;
const path = (...parts: string[]) => join(fleet.folder, ...parts);

beforeAll(async () => {
  fleet = await TestFleet.up(3);
  mkdirSync(path('documents', 'letters'), { recursive: true });
  writeFileSync(path('documents', 'letters', 'to-bob.txt'), 'Dear Bob,');
}, BUSY_MS);
afterAll(() => fleet?.down(), 60_000);

async function device(user: string, name: string): Promise<Device> {
  const made = new Device(path(`${user}-${name}`));
  await made.json(['setup', '--profile', path('profile.json'), '--user', user]);
  return made;
}

const backup = (user: string) => ['backup', path('documents'), '--to', path(`${user}-backup`)];
let restored = 0;
/** Somewhere new each time. */
function restoreTo(user: string): string[] {
  restored += 1;
  return ['restore', path(`${user}-backup`), '--to', path(`restored-${restored}`)];
}
const letter = () => readFileSync(path(`restored-${restored}`, 'letters', 'to-bob.txt'), 'utf8');
const statusOf = (of: Device) => of.json<AccountStatus>(['status']);

describe(
  'alice, who protects her backup with a PIN,',
  () => {
    let laptop: Device;
    let phone: Device;
    let code = '';
    beforeAll(async () => {
      laptop = await device('alice', 'laptop');
      phone = await device('alice', 'phone');
    }, BUSY_MS);

    it('is told why a weak one is refused, and nothing is deposited', async () => {
      const { code: exit, err } = await laptop.run(backup('alice'), { passcode: '123456' });
      expect({ exit, err }).toEqual({
        exit: 1,
        err: expect.stringMatching(/^error: weak-passcode: this PIN is too easy to guess: .*common/m),
      });
      expect(await statusOf(laptop)).toMatchObject({ registered: false });
    });

    it('backs up; the second time nobody asks for it', async () => {
      expect(await laptop.json(backup('alice'), { passcode: PIN })).toMatchObject({ recipient: expect.stringMatching(/^age1/) });
      await laptop.json(backup('alice'));
    });

    it('keeps no key and no PIN on the device, and shows others nothing', () => {
      for (const name of readdirSync(laptop.home, { recursive: true }) as string[]) {
        const file = join(laptop.home, name);
        expect(statSync(file).mode & 0o077, name).toBe(0);
        if (statSync(file).isFile()) expect(readFileSync(file, 'utf8')).not.toMatch(/AGE-SECRET|271828/);
      }
    });

    it('restores on another device', async () => {
      await phone.json(restoreTo('alice'), { passcode: PIN });
      expect(letter()).toBe('Dear Bob,');
    });

    it('is told how many guesses a wrong PIN leaves; the command ends with 3, and status shows it', async () => {
      const { code: exit, err } = await phone.run(restoreTo('alice'), { passcode: WRONG_PIN });
      expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('9 guesses are left') });
      const status = await statusOf(laptop);
      expect(status).toMatchObject({ registered: true, guessesLeft: 9, guessesUsed: 1, locked: false, silent: [], waiting: [] });
      expect(status.history[0]).toMatchObject({ kind: 'guess', way: 'passcode', certain: true });
      const { out } = await laptop.run(['status']);
      expect(out).toContain('9 guesses left, 1 used');
      expect(out).toMatch(/node-3 +1 +2 +1/);
    });

    it('changes it without waiting; only the new one opens', async () => {
      await phone.json(['passcode', 'change'], { passcode: PIN, 'new-passcode': NEW_PIN });
      expect((await phone.run(restoreTo('alice'), { passcode: PIN })).code).toBe(3);
      await laptop.json(restoreTo('alice'), { passcode: NEW_PIN });
      expect(letter()).toBe('Dear Bob,');
    });

    it('cannot set another first passcode over it', async () => {
      expect((await laptop.run(['passcode', 'set'], { passcode: PIN })).err).toMatch(/^error: not-allowed/);
      expect((await (await device('alice', 'tablet')).run(['passcode', 'set'], { passcode: PIN })).err).toMatch(/^error: not-allowed/);
    });

    it('prints a recovery code, checks it offline, and restores with it', async () => {
      const made = await phone.json<{ recoveryCode: string }>(['recovery-code', 'generate'], { passcode: NEW_PIN });
      code = made.recoveryCode;
      expect(await laptop.json(['recovery-code', 'check'], { 'recovery-code': code.toLowerCase() })).toEqual({ wellTyped: true });
      const [first = '', second = ''] = code;
      const mistyped = first === second ? `${first === 'A' ? 'B' : 'A'}${code.slice(1)}` : `${second}${first}${code.slice(2)}`;
      const { code: exit, err } = await laptop.run(['recovery-code', 'check'], { 'recovery-code': mistyped });
      expect({ exit, err }).toEqual({ exit: 1, err: expect.stringContaining('mistyped') });
      await laptop.json(['recovery-code', 'use', ...restoreTo('alice').slice(1)], { 'recovery-code': code });
      expect(letter()).toBe('Dear Bob,');
      expect(await statusOf(phone)).toMatchObject({ recoveryCode: true });
    });

    it(
      'is not locked out by wrong recovery codes',
      async () => {
        const other = '01234-56789-ABCDE-FGHJK-MNPQR-STZFB';
        for (let i = 0; i < 11; i += 1) expect((await phone.run(restoreTo('alice'), { 'recovery-code': other })).code).toBe(3);
        await phone.json(restoreTo('alice'), { 'recovery-code': code });
      },
      BUSY_MS,
    );

    it('replaces the recovery code at once with the passcode', async () => {
      const made = await phone.json<{ recoveryCode: string }>(['recovery-code', 'generate'], { passcode: NEW_PIN });
      expect((await phone.run(restoreTo('alice'), { 'recovery-code': code })).code).toBe(3);
      code = made.recoveryCode;
      await phone.json(restoreTo('alice'), { 'recovery-code': code });
    });

    it("gives the key to Debian's age, with a warning", async () => {
      const { code: exit, out, err } = await phone.run(['key'], { passcode: NEW_PIN });
      expect({ exit, out }).toEqual({ exit: 0, out: expect.stringMatching(/^AGE-SECRET-KEY-1[A-Z0-9]{58}\n$/) });
      expect(err).toContain('warning: whoever sees this key');
      const tar = execFileSync('age', ['-d', '-i', '-', path('alice-backup', 'backup.tar.age')], { input: out, maxBuffer: 1 << 24 });
      expect(execFileSync('tar', ['-xO', './letters/to-bob.txt'], { input: tar, encoding: 'utf8' })).toBe('Dear Bob,');
    });

    it('has a change announced that somebody makes without her PIN, sees it, and cancels it without being asked for anything', async () => {
      const stranger = await device('alice', 'stranger');
      const { code: exit, err } = await stranger.run(['passcode', 'set', '--new-key'], { passcode: PIN });
      expect({ exit, err }).toEqual({ exit: 6, err: expect.stringContaining('announced, and takes effect in 7 days') });
      expect((await laptop.run(['status'])).out).toContain('ANNOUNCED: a replacement of your passcode');
      expect(await laptop.json(['cancel'])).toMatchObject([{ way: 'passcode', outcome: 'cancelled' }]);
      expect(await statusOf(laptop)).toMatchObject({ waiting: [] });
      // Whatever the stranger does next, his device is told.
      expect((await stranger.run(['status'])).err).toContain('objected');
      expect(await laptop.json(['cancel'])).toEqual([]);
    });

    it('changes a forgotten PIN with the recovery code, at once', async () => {
      await phone.json(['passcode', 'change'], { 'recovery-code': code, 'new-passcode': '640275' });
      expect((await phone.run(restoreTo('alice'), { passcode: '640275' })).code).toBe(0);
      expect((await phone.run(['status'])).err).not.toContain('waits');
    });

    it('deletes it: neither way opens anything after that', async () => {
      const gone = await phone.json(['delete'], { passcode: '640275', 'recovery-code': code });
      expect(gone).toEqual([
        { way: 'passcode', done: true },
        { way: 'recovery-code', done: true },
      ]);
      for (const secrets of [{ passcode: '640275' }, { 'recovery-code': code }]) {
        expect((await phone.run(restoreTo('alice'), secrets)).err).toMatch(/^error: not-found/m);
      }
      expect(await statusOf(phone)).toMatchObject({ registered: false, recoveryCode: false });
    });

    it('begins anew after that', async () => {
      await phone.json(['passcode', 'set'], { passcode: PIN });
      expect(await statusOf(phone)).toMatchObject({ registered: true, guessesLeft: 10 });
    });
  },
  BUSY_MS,
);

describe(
  'bob, whose passcode is to go away without it,',
  () => {
    it('waits as long as his policy says', async () => {
      const bob = await device('bob', 'laptop');
      await bob.json(['passcode', 'set', '--cooling-off', '3'], { passcode: PIN });
      const borrowed = await device('bob', 'borrowed');
      const [deletion] = await borrowed.json<{ done: boolean }[]>(['delete', '--announce']);
      expect(deletion).toMatchObject({ way: 'passcode', done: false });
      await expect.poll(async () => (await statusOf(borrowed)).registered, { timeout: 30_000, interval: 1000 }).toBe(false);
    });

    it('goes at once from a device that has made a backup', async () => {
      const bob = await device('bob-2', 'laptop');
      await bob.json(backup('bob-2'), { passcode: PIN });
      expect(await bob.json(['delete', '--announce'])).toEqual([{ way: 'passcode', done: true }]);
    });

    it('is locked after ten wrong ones, and the command ends with 4', async () => {
      const bob = await device('locked', 'laptop');
      await bob.json(backup('locked'), { passcode: PIN });
      for (let i = 0; i < 10; i += 1) expect((await bob.run(['key'], { passcode: WRONG_PIN })).code).toBe(3);
      expect((await bob.run(['key'], { passcode: PIN })).code).toBe(4);
      expect(await statusOf(bob)).toMatchObject({ locked: true, guessesLeft: 0, guessesUsed: 10 });
    });
  },
  BUSY_MS,
);

describe(
  'a first deposit that is killed',
  () => {
    it('is finished by the next command, under the passcode that was chosen then', async () => {
      const dave = await device('dave', 'laptop');
      const memos = join(dave.home, 'memos');
      const begun = () => existsSync(memos) && (readdirSync(memos, { recursive: true }) as string[]).some((name) => name.endsWith('.json'));
      await dave.kill(['passcode', 'set'], { passcode: PIN }, begun);
      await dave.json(backup('dave'), { passcode: NEW_PIN });
      await dave.json(restoreTo('dave'), { passcode: PIN });
      expect(letter()).toBe('Dear Bob,');
    });
  },
  BUSY_MS,
);

describe(
  'with nodes down',
  () => {
    it('status names who did not answer; with too few, commands end with 5, and nothing is lost', async () => {
      const carol = await device('carol', 'laptop');
      await carol.json(backup('carol'), { passcode: PIN });
      await fleet.stop(3);
      expect(await statusOf(carol)).toMatchObject({ silent: ['node-3'], guessesLeft: 10 });
      // Two of three are a quorum: a change while one is away counts, and another one after it.
      await carol.json(['passcode', 'change'], { passcode: PIN, 'new-passcode': NEW_PIN });
      await carol.json(['passcode', 'change'], { passcode: NEW_PIN, 'new-passcode': '759384' });
      await fleet.stop(2);
      expect((await carol.run(restoreTo('carol'), { passcode: '759384' })).code).toBe(5);
      await fleet.start(2, 3);
      await expect.poll(async () => (await carol.run(restoreTo('carol'), { passcode: '759384' })).code, { timeout: 60_000 }).toBe(0);
      expect(letter()).toBe('Dear Bob,');
    });
  },
  BUSY_MS,
);
