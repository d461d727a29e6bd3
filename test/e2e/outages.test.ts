/** Laws 2 and 7 on real processes: nodes that are down, away, or killed while they work. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { normalisePasscode, PASSCODE, Secret } from '../../src/client/index.ts';
import { QUICK, TestFleet } from './fleet.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.up(5);
}, 180_000);
afterAll(() => fleet?.down(), 60_000);

const RIGHT = normalisePasscode('271828');

async function mustOpen(user: string, key: Uint8Array, first = 0): Promise<void> {
  const recovered = await (await fleet.device(user, first)).recover(PASSCODE, RIGHT);
  expect(recovered.kind === 'opened' ? recovered.opened.secret : recovered).toEqual(key);
}

describe('a fleet of five', () => {
  it('registers and recovers with two nodes down; a node that was away at registration answers later', async () => {
    const key = systemRandom(32);
    await fleet.stop(4, 5);
    const done = await (await fleet.device('away')).deposit(PASSCODE, new Secret(key), RIGHT, QUICK);
    expect(done).toMatchObject({ kind: 'deposited', acknowledged: 3 });
    await mustOpen('away', key);
    await fleet.start(4, 5);
    // Only 4 and 5 and one that was there: the shares of the two that were away are needed.
    await fleet.kill(1, 2);
    await expect
      .poll(async () => (await (await fleet.device('away', 3)).recover(PASSCODE, RIGHT)).kind, { timeout: 30_000 })
      .toBe('opened');
    await fleet.start(1, 2);
  }, 240_000);

  it('loses nothing that was acknowledged when nodes are killed during registrations and recoveries', async () => {
    const keys = new Map<string, Uint8Array>();
    let busy = true;
    const work = (async () => {
      for (let i = 0; busy; i += 1) {
        const user = `crash-${i}`;
        const key = systemRandom(32);
        const device = await fleet.device(user, i);
        // The person repeats what failed on the same device: it goes on with what it began.
        for (let again = 0; again < 20; again += 1) {
          const outcome = await device.deposit(PASSCODE, new Secret(key), RIGHT, QUICK).catch(() => undefined);
          if (outcome?.kind !== 'deposited') continue;
          keys.set(user, key);
          break;
        }
        await (await fleet.device(user, i + 1)).recover(PASSCODE, RIGHT).catch(() => undefined);
      }
    })();
    for (const node of [1, 3, 5, 2, 4]) {
      await fleet.kill(node);
      await fleet.start(node);
    }
    busy = false;
    await work;
    expect(keys.size).toBeGreaterThan(0);
    for (const [user, key] of keys) await mustOpen(user, key, 2);
  }, 300_000);
});
