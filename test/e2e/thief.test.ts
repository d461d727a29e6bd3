/** A thief with the login of an account, step by step, and the owner who has the backup key: what a login alone can do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { normalisePasscode, PASSCODE, RECOVERY_CODE, Secret, UNLIMITED_GUESSES } from '../../src/client/index.ts';
import { waitingOf } from '../../src/device/cancel.ts';
import { QUICK, TestFleet } from './fleet.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.up(3);
}, 180_000);
afterAll(() => fleet?.down(), 60_000);

const RIGHT = normalisePasscode('271828');
const NEXT = normalisePasscode('314159');
const THIEFS = normalisePasscode('60417733218905');
const key = systemRandom(32);
const policy = { ...QUICK.policy, coolingOffSeconds: 600 };
const patient = { ...QUICK, policy };
const code = { ...patient, policy: { ...policy, guesses: UNLIMITED_GUESSES }, kdf: { kind: 'none' } as const };
const owner = (n = 0) => fleet.device('owner', n);
const thief = () => fleet.device('owner', 7);

describe('with a login alone, a thief', () => {
  beforeAll(async () => {
    expect(await (await owner()).deposit(PASSCODE, new Secret(key), RIGHT, patient)).toMatchObject({ kind: 'deposited' });
  }, 60_000);

  it('waits for a replacement, a further way in and a deletion, as long as the owner chose', async () => {
    const device = await thief();
    const own = new Secret(systemRandom(32));
    const waits = { kind: 'waiting', secondsLeft: expect.closeTo(600, -2) };
    expect(await device.deposit(PASSCODE, own, THIEFS, patient)).toMatchObject(waits);
    const quick = { ...code, policy: { ...code.policy, coolingOffSeconds: 0 } };
    expect(await device.deposit(RECOVERY_CODE, own, THIEFS, quick)).toMatchObject(waits);
    expect(await (await fleet.device('owner', 8)).remove(PASSCODE)).toMatchObject(waits);
  }, 60_000);

  it('is seen, and objected to with the backup key', async () => {
    const device = await owner();
    const opened = await device.recover(PASSCODE, RIGHT);
    if (opened.kind !== 'opened') return expect.fail(opened.kind);
    const { events } = await device.events(PASSCODE);
    for (const way of [PASSCODE, RECOVERY_CODE]) {
      const waiting = waitingOf(
        events.filter(({ slot }) => slot === device.slot(way)),
        way === PASSCODE ? 1 : 0,
      );
      expect(waiting.length).toBeGreaterThan(0);
      for (const announced of waiting) {
        const by = { registration: opened.registration, owner: opened.opened.owner };
        expect(await device.cancel(way, announced, by)).toMatchObject({ kind: 'cancelled' });
      }
    }
    const own = new Secret(systemRandom(32));
    // A quorum says that the objection stands; it reaches the last node a moment later, or by catch-up.
    const again = async () => (await thief()).deposit(PASSCODE, own, THIEFS, patient);
    await expect.poll(again, { timeout: 30_000, interval: 500 }).toMatchObject({ kind: 'refused' });
  }, 60_000);

  it('keeps the owner from nothing: a new passcode, a recovery code, and the removal of either come into force at once', async () => {
    const device = await owner(1);
    expect(await device.deposit(PASSCODE, new Secret(key), NEXT, patient)).toMatchObject({ kind: 'deposited' });
    expect(await device.deposit(RECOVERY_CODE, new Secret(key), RIGHT, code)).toMatchObject({ kind: 'deposited' });
    expect(await device.recover(RECOVERY_CODE, RIGHT)).toMatchObject({ kind: 'opened', confirmed: true });
    const opened = await device.recover(PASSCODE, NEXT);
    if (opened.kind !== 'opened') return expect.fail(opened.kind);
    expect(await device.remove(RECOVERY_CODE, { authority: opened })).toMatchObject({ kind: 'deposited' });
  }, 60_000);

  it('can spend the guesses of the passcode, which the owner sees, and the owner sets another at once', async () => {
    const device = await thief();
    for (let i = 0; i < 10; i += 1) expect(await device.recover(PASSCODE, THIEFS)).toMatchObject({ kind: 'wrong' });
    const { events } = await (await owner()).events(PASSCODE);
    expect(events.filter(({ kind }) => kind === 'guess').length).toBeGreaterThanOrEqual(10);
    expect(await (await owner(2)).deposit(PASSCODE, new Secret(key), RIGHT, patient)).toMatchObject({ kind: 'deposited' });
    const opened = await (await owner(3)).recover(PASSCODE, RIGHT);
    expect(opened.kind === 'opened' && opened.opened.secret).toEqual(key);
  }, 120_000);

  it('chooses no waiting time beyond what the tenant allows', async () => {
    const device = await fleet.device('nobody-yet');
    const yearly = { ...patient, policy: { ...policy, coolingOffSeconds: 365 * 86_400 } };
    expect(await device.deposit(PASSCODE, new Secret(key), RIGHT, yearly)).toMatchObject({ kind: 'refused' });
  }, 60_000);
});
