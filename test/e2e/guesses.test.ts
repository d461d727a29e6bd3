/** Law 1 on real processes: ten guesses, whatever is done to the fleet in between. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { normalisePasscode, PASSCODE, RECOVERY_CODE, Secret, UNLIMITED_GUESSES, type VaultClient } from '../../src/client/index.ts';
import { QUICK, TestFleet } from './fleet.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.up(5);
}, 180_000);
afterEach(() => fleet.thaw(1, 2, 3, 4, 5));
afterAll(() => fleet?.down(), 60_000);

const RIGHT = normalisePasscode('271828');
const wrong = (i: number) => normalisePasscode(String(100_000 + i));

async function protect(user: string): Promise<Uint8Array> {
  const key = systemRandom(32);
  const done = await (await fleet.device(user)).deposit(PASSCODE, new Secret(key), RIGHT, QUICK);
  expect(done).toMatchObject({ kind: 'deposited', generation: 1, acknowledged: 5 });
  return key;
}

/** @returns how many guesses got an answer */
async function guess(user: string, from: number, count: number): Promise<number> {
  const outcomes = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const device = await fleet.device(user, i);
      return device.recover(PASSCODE, wrong(from + i)).catch(() => undefined);
    }),
  );
  expect(outcomes.some((outcome) => outcome?.kind === 'opened')).toBe(false);
  return outcomes.filter((outcome) => outcome?.kind === 'wrong').length;
}

/** Once the last guess is settled; until then it may have been right. */
const locks = (device: VaultClient) =>
  expect.poll(async () => (await device.recover(PASSCODE, RIGHT)).kind, { timeout: 60_000, interval: 1_000 }).toBe('locked');

describe('ten guesses', () => {
  it('and no more of a hundred at once, through all nodes', async () => {
    await protect('hundred');
    const answered = await guess('hundred', 0, 100);
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThanOrEqual(10);
    let after = 0;
    for (let i = 0; i < 12 && after < 12; i += 1) after += await guess('hundred', 200 + i, 1);
    expect(answered + after).toBeLessThanOrEqual(10);
    await locks(await fleet.device('hundred'));
  }, 180_000);

  it('are refilled by a success', async () => {
    const key = await protect('refill');
    for (let i = 0; i < 9; i += 1) expect(await guess('refill', i, 1)).toBe(1);
    const recovered = await (await fleet.device('refill', 3)).recover(PASSCODE, RIGHT);
    expect(recovered).toMatchObject({ kind: 'opened', confirmed: true, liars: [] });
    expect(recovered.kind === 'opened' && recovered.opened.secret).toEqual(key);
    for (let i = 0; i < 9; i += 1) expect(await guess('refill', 20 + i, 1)).toBe(1);
    expect(await (await fleet.device('refill', 1)).recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'opened' });
  }, 180_000);

  it('also with stores and tokens put back to old copies in between', async () => {
    await protect('rollback');
    let answered = await guess('rollback', 0, 3);
    await fleet.stop(1, 2);
    const old = [1, 2].flatMap((node) => [fleet.snapshot(node, 'tokens'), fleet.snapshot(node, 'data')]);
    await fleet.start(1, 2);
    for (let i = 0; i < 5; i += 1) answered += await guess('rollback', 10 + i, 1);
    await fleet.kill(1, 2);
    for (const putBack of old) putBack();
    await fleet.start(1, 2);
    for (let i = 0; i < 15; i += 1) answered += await guess('rollback', 20 + i, 1);
    expect(answered).toBeLessThanOrEqual(10);
    expect(answered).toBeGreaterThanOrEqual(8);
    await locks(await fleet.device('rollback'));
  }, 240_000);

  it('and no more over all subsets of nodes that are just enough, each asked alone', async () => {
    await protect('subsets');
    const all = [1, 2, 3, 4, 5];
    const subsets = all.flatMap((a) => all.filter((b) => b > a).map((b) => all.filter((node) => node !== a && node !== b)));
    expect(subsets).toHaveLength(10);
    let answered = 0;
    for (const [i, nodes] of subsets.entries()) {
      fleet.freeze(...all.filter((node) => !nodes.includes(node)));
      for (let n = 0; n < 3; n += 1) {
        const device = await fleet.device('subsets', (nodes[n] ?? 1) - 1);
        const outcome = await device.recover(PASSCODE, wrong(3 * i + n)).catch(() => undefined);
        expect(outcome?.kind).not.toBe('opened');
        if (outcome?.kind === 'wrong') answered += 1;
      }
      fleet.thaw(...all);
    }
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThanOrEqual(10);
    await locks(await fleet.device('subsets'));
  }, 300_000);
});

describe('whoever has a login', () => {
  it('locks the passcode and nothing else: the recovery code opens, however often it was guessed at', async () => {
    const key = await protect('login');
    const code = normalisePasscode('7QZ4K M2XWP 9RTVB');
    const policy = { ...QUICK.policy, guesses: UNLIMITED_GUESSES };
    const owner = await fleet.device('login');
    expect(await owner.deposit(RECOVERY_CODE, new Secret(key), code, { ...QUICK, policy })).toMatchObject({ kind: 'deposited' });
    for (let i = 0; i < 11; i += 1) {
      await guess('login', i, 1);
      expect(await (await fleet.device('login', i)).recover(RECOVERY_CODE, wrong(i))).toMatchObject({ kind: 'wrong' });
    }
    await locks(owner);
    const recovered = await owner.recover(RECOVERY_CODE, code);
    expect(recovered.kind === 'opened' && recovered.opened.secret).toEqual(key);
    // The owner sees who was there, and what is in force is still theirs.
    const { events } = await owner.events(PASSCODE);
    expect(events.filter(({ kind }) => kind === 'guess').length).toBeGreaterThanOrEqual(20);
  }, 300_000);
});
