/** People move from a fleet that is being retired to a new one: two fleets of three real processes each. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import type { DeviceHome } from '../../src/device/home.ts';
import { readBackupKey, showKey } from '../../src/device/key.ts';
import { moveKey, moveWithKey, renameBackups } from '../../src/device/move.ts';
import { setPasscode } from '../../src/device/passcode.ts';
import { backUp, restoreBackup } from '../../src/device/protect.ts';
import { makeRecoveryCode } from '../../src/device/recovery-code.ts';
import { tellStatus } from '../../src/device/status.ts';
import { PASSCODE, RECOVERY_CODE } from '../../src/vault/slot.ts';
import type { ShareCounts } from '../../src/web/ports.ts';
import { holdfastJson } from '../cli/holdfast.ts';
import { Device } from '../cli/person.ts';
import type { TestFleet } from '../e2e/fleet.ts';
import { TwoFleets } from './two-fleets.ts';

const BUSY_MS = 240_000;
const PIN = '271828';
const VICTIM = join(import.meta.dirname, 'victim.ts');

let fleets: TwoFleets;
beforeAll(async () => {
  fleets = await TwoFleets.up();
  mkdirSync(fleets.path('documents'));
  writeFileSync(fleets.path('documents', 'letter.txt'), 'Dear Bob,');
}, BUSY_MS);
afterAll(() => fleets?.down(), 60_000);

const typing = (text: string) => async () => text;
const said: string[] = [];
const progress = { say: (line: string) => said.push(line), bytes: () => undefined };
const backup = (user: string) => fleets.path(`${user}-backup`);
const backUpAt = (home: DeviceHome, user: string) => backUp(home, fleets.path('documents'), backup(user), typing(PIN), progress);

/** Somebody with a backup whose key is in the old fleet, and who has just heard of the new one. */
async function person(user: string): Promise<DeviceHome> {
  await backUpAt(await fleets.home(user, 'laptop', fleets.profiles.before), user);
  return fleets.home(user, 'laptop', fleets.profiles.both);
}
const move = (home: DeviceHome, code?: string) =>
  moveKey(home, { passcode: typing(PIN), ...(code !== undefined && { recoveryCode: typing(code) }) }, progress.say);
const nothingAsked = () => Promise.reject(new Error('there was nothing to ask for'));

let restored = 0;
async function restores(home: DeviceHome, user: string, code?: string): Promise<string> {
  restored += 1;
  const to = fleets.path(`restored-${restored}`);
  const bring = code === undefined ? { way: PASSCODE, ask: typing(PIN) } : { way: RECOVERY_CODE, ask: typing(code) };
  await restoreBackup(home, backup(user), to, bring, progress);
  return readFileSync(join(to, 'letter.txt'), 'utf8');
}
/** On a device that has nothing but the backup and this profile. */
const restoresElsewhere = async (user: string, profile: string, code?: string) =>
  restores(await fleets.home(user, `new-${restored}`, profile), user, code);

const fleetNamedBy = (user: string) =>
  (JSON.parse(readFileSync(join(backup(user), 'holdfast-backup.json'), 'utf8')) as { fleet: string }).fleet;
const sharesOf = async ({ folder }: TestFleet) => (await holdfastJson('fleet', 'shares', '--dir', folder)) as ShareCounts;
const idOf = ({ entry }: TestFleet) => entry.fleets[0]!.fleet.id;

describe(
  'a fleet that is being retired',
  () => {
    it('is named to its people, with what to do; the command then moves the key, and old backups open everywhere', async () => {
      const home = await person('alice');
      const device = new Device(home.path);
      expect((await device.run(['status'])).err).toMatch(/warning: this fleet is being retired since 20\d\d-.*holdfast move/);
      const [old, newer] = [await sharesOf(fleets.old), await sharesOf(fleets.new)];
      expect(await device.json(['move'], { passcode: PIN })).toEqual({
        moves: [{ way: 'passcode', from: idOf(fleets.old), to: idOf(fleets.new), done: true }],
        backups: [],
      });
      expect(await sharesOf(fleets.old)).toMatchObject({ slots: [0, 0, 0, old.slots[3]! - 1], moved: old.moved + 1 });
      expect(await sharesOf(fleets.new)).toMatchObject({ slots: [0, 0, 0, newer.slots[3]! + 1] });
      expect(await restores(home, 'alice')).toBe('Dear Bob,');
      expect(await restoresElsewhere('alice', fleets.profiles.both)).toBe('Dear Bob,');
      expect(await restoresElsewhere('alice', fleets.profiles.after)).toBe('Dear Bob,');
      expect((await device.run(['status'])).err).not.toContain('retired');
    });

    it('is named by backups until they are told, or made anew; a second move asks for nothing', async () => {
      const home = await person('bob');
      await move(home);
      expect(fleetNamedBy('bob')).toBe(idOf(fleets.old));
      expect(await moveKey(home, { passcode: nothingAsked, recoveryCode: nothingAsked }, progress.say)).toEqual([]);
      expect(await renameBackups(home, [backup('bob')])).toEqual([{ target: backup('bob'), done: true }]);
      expect(fleetNamedBy('bob')).toBe(idOf(fleets.new));
      expect(await renameBackups(home, [backup('alice')])).toEqual([{ target: backup('alice'), done: false }]);
      const carol = await person('carol');
      await move(carol);
      await backUpAt(carol, 'carol');
      expect(fleetNamedBy('carol')).toBe(idOf(fleets.new));
      expect(await restores(carol, 'carol')).toBe('Dear Bob,');
    });

    it('keeps a recovery code that was not brought, and nothing once it was', async () => {
      const before = await fleets.home('dora', 'laptop', fleets.profiles.before);
      await backUpAt(before, 'dora');
      let code = '';
      const show = (made: string) => {
        code = made;
      };
      await makeRecoveryCode(before, { way: PASSCODE, ask: typing(PIN) }, show, progress.say);
      const home = await fleets.home('dora', 'laptop', fleets.profiles.both);
      const at = { from: idOf(fleets.old), to: idOf(fleets.new) };
      expect(await move(home)).toEqual([
        { way: 'passcode', ...at, done: true },
        { way: 'recovery-code', ...at, done: false },
      ]);
      expect(await restoresElsewhere('dora', fleets.profiles.both, code)).toBe('Dear Bob,');
      expect(await move(home, code)).toEqual([{ way: 'recovery-code', ...at, done: true }]);
      expect(await restoresElsewhere('dora', fleets.profiles.after, code)).toBe('Dear Bob,');
    });

    it('is left without the passcode by whoever has the backup key: every way in, under the same passcode and code', async () => {
      const before = await fleets.home('grace', 'laptop', fleets.profiles.before);
      await backUpAt(before, 'grace');
      let code = '';
      const show = (made: string) => {
        code = made;
      };
      await makeRecoveryCode(before, { way: PASSCODE, ask: typing(PIN) }, show, progress.say);
      const { digits } = await showKey(before, { way: PASSCODE, ask: typing(PIN) }, progress.say);
      const home = await fleets.home('grace', 'laptop', fleets.profiles.both);
      const wrong = new Secret(systemRandom(32));
      await expect(moveWithKey(home, wrong, progress.say)).rejects.toMatchObject({ code: 'not-allowed' });
      const at = { from: idOf(fleets.old), to: idOf(fleets.new), done: true };
      const device = new Device(home.path);
      expect(await device.json(['move', '--with-key'], { key: digits.reveal() })).toMatchObject({
        moves: [
          { way: 'passcode', ...at },
          { way: 'recovery-code', ...at },
        ],
      });
      expect((await sharesOf(fleets.old)).moved).toBeGreaterThanOrEqual(2);
      expect(await moveWithKey(home, readBackupKey(digits.reveal()), progress.say)).toEqual([]);
      expect(await restoresElsewhere('grace', fleets.profiles.after)).toBe('Dear Bob,');
      expect(await restoresElsewhere('grace', fleets.profiles.after, code)).toBe('Dear Bob,');
    });

    it('is left by itself, at the next backup, by a device that keeps the key; a wrong passcode still counts there', async () => {
      const before = await fleets.home('heidi', 'laptop', fleets.profiles.before);
      await backUpAt(before, 'heidi');
      const device = new Device(before.path);
      await device.json(['key', '--keep'], { passcode: PIN });
      const home = await fleets.home('heidi', 'laptop', fleets.profiles.both);
      await backUp(home, fleets.path('documents'), backup('heidi'), nothingAsked, progress);
      expect(said).toContain('your backup key was moved to the newer fleet, under the same passcode');
      expect(await tellStatus(home, progress.say)).toMatchObject({ registered: true, guessesLeft: 10 });
      await expect(moveKey(home, { passcode: nothingAsked }, progress.say)).resolves.toEqual([]);
      expect(await restoresElsewhere('heidi', fleets.profiles.after)).toBe('Dear Bob,');
      expect(await device.json(['key', '--forget'])).toEqual({ kept: false });
      expect(JSON.stringify(await home.load())).not.toContain('"key"');
    });

    it('counts a wrong passcode, and then nothing has moved', async () => {
      const home = await person('eve');
      await expect(moveKey(home, { passcode: typing('314159') }, progress.say)).rejects.toMatchObject({ code: 'wrong-passcode' });
      expect(await tellStatus(home, progress.say)).toMatchObject({ registered: true, guessesLeft: 9 });
      await move(home);
      expect(await tellStatus(home, progress.say)).toMatchObject({ registered: true, guessesLeft: 10 });
    });

    it('is not left for a fleet that holds another key of this account', async () => {
      const home = await person('frank');
      await setPasscode(await fleets.home('frank', 'other', fleets.profiles.both), typing(PIN), progress.say);
      await expect(move(home)).rejects.toMatchObject({ code: 'not-allowed', message: expect.stringContaining('another backup key') });
      expect(await restores(home, 'frank')).toBe('Dear Bob,');
    });
  },
  BUSY_MS,
);

it('a move that is killed wherever it saved something loses nothing, and the next one finishes it', async () => {
  let ended = false;
  let step = 0;
  while (!ended) {
    step += 1;
    const user = `killed-${step}`;
    const home = await person(user);
    const { code, err } = await new Device(home.path).run(['move'], { passcode: PIN }, [VICTIM, `${step}`]);
    ended = code === 0;
    if (!ended) expect(err, `step ${step}`).not.toContain('error');
    // Whoever comes with the backup and the passcode in between gets it back.
    expect(await restoresElsewhere(user, fleets.profiles.both), `step ${step}`).toBe('Dear Bob,');
    await move(home);
    expect(await moveKey(home, { passcode: nothingAsked }, progress.say), `step ${step}`).toEqual([]);
    expect(await restoresElsewhere(user, fleets.profiles.after), `step ${step}`).toBe('Dear Bob,');
    expect(step).toBeLessThan(60);
  }
  expect(step).toBeGreaterThan(8);
}, 1_500_000);
