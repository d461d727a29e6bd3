/** Delays between guesses over real tokens and stores: nobody who carries the messages, or starts nodes anew, shortens them. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fail } from '../../src/base/errors.ts';
import { RECOVERY_CODE } from '../../src/vault/slot.ts';
import { TestFleet } from './fleet.ts';
import { Person } from './person.ts';

/** None after the first wrong guess. */
const DELAY_MS = 600_000;
const BUSY_MS = 180_000;

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make({ guessDelaysMs: [0, DELAY_MS] });
  await voting();
}, BUSY_MS);
afterAll(() => fleet?.close());

const voting = () =>
  vi.waitFor(
    async () => {
      for (const node of [0, 1, 2]) expect((await fleet.service(node).health()).standing).toBe('voting');
    },
    { timeout: 90_000, interval: 100 },
  );

const secret = new Uint8Array(randomBytes(32));
const opened = { kind: 'opened', opened: { secret }, confirmed: true };

test(
  'the right passcode too soon is not made, through any node; it opens when the delay is over, and ends it',
  async () => {
    const ada = await Person.of(fleet, 'ada');
    await ada.deposit('135790', secret);
    expect(await ada.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 9, waitMs: 0 });
    const second = await ada.recover('000000');
    expect(second).toMatchObject({ kind: 'wrong', guessesLeft: 8, waitMs: expect.any(Number) });
    for (const via of [0, 1, 2]) {
      ada.via = via;
      const soon = await ada.recover('135790');
      if (soon.kind !== 'waiting') return expect.fail(soon.kind);
      expect(soon.guessesLeft).toBe(8);
      expect(soon.waitMs).toBeGreaterThan(0);
      expect(soon.waitMs).toBeLessThanOrEqual(DELAY_MS);
    }
    fleet.laterMs += DELAY_MS;
    expect(await ada.recover('135790')).toMatchObject(opened);
    expect(await ada.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 9, waitMs: 0 });
  },
  BUSY_MS,
);

test(
  'a delay that was not over when the nodes ended begins anew with them, for who guessed wrongly',
  async () => {
    const bob = await Person.of(fleet, 'bob');
    const code = await Person.of(fleet, 'bob', RECOVERY_CODE);
    await bob.deposit('135790', secret);
    await code.deposit('code', secret);
    for (const _ of [1, 2]) expect((await bob.recover('000000')).kind).toBe('wrong');
    for (const node of [0, 1, 2]) await fleet.stop(node);
    for (const node of [0, 1, 2]) await fleet.start(node);
    await voting();
    expect(await bob.recover('135790')).toMatchObject({ kind: 'waiting', guessesLeft: 8 });
    for (const _ of [1, 2, 3]) expect((await code.recover('wrong')).kind).toBe('wrong');
    expect(await code.recover('code')).toMatchObject(opened);
    fleet.laterMs += DELAY_MS;
    expect(await bob.recover('135790')).toMatchObject(opened);
  },
  BUSY_MS,
);

test(
  'what a guess gave is told, and not made again, when the pass runs out while Argon2id works',
  async () => {
    const cleo = await Person.of(fleet, 'cleo');
    await cleo.deposit('135790', secret);
    let answered = false;
    cleo.refused = (op) => {
      if (answered) fail('pass-refused', 'the pass has run out');
      answered = op === 'attempt';
    };
    expect(await cleo.recover('000000')).toMatchObject({ kind: 'wrong', sure: true, guessesLeft: 9, waitMs: 0 });
    answered = false;
    expect(await cleo.recover('135790')).toMatchObject({ ...opened, confirmed: false });
    cleo.refused = () => undefined;
    expect(await cleo.push()).toBe(true);
    expect(await cleo.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 9 });
  },
  BUSY_MS,
);
