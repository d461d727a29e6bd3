/** Old disks put back under nodes: of the store, of a token of class `host`, of both. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { startsOf } from '../../src/quorum/member/memory.ts';
import { TestFleet } from './fleet.ts';
import { Person } from './person.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make({ lockDelayMs: 60_000 });
});
afterAll(() => fleet.close());
beforeEach(async () => {
  for (const node of [0, 1, 2]) fleet.join(node);
  await standing(0, 'voting');
  await standing(1, 'voting');
  await standing(2, 'voting');
});

const secret = new Uint8Array(randomBytes(32));
const soon = { timeout: 8_000, interval: 50 };
const standing = (node: number, expected: string) =>
  vi.waitFor(async () => expect((await fleet.service(node).health()).standing).toBe(expected), soon);
const opened = { kind: 'opened', opened: { secret } };

test('a store that was lost or put back is healed by the others, and gives no extra guess', async () => {
  const ada = await Person.of(fleet, expect.getState().currentTestName ?? '');
  await ada.deposit('135790', secret);
  for (const _ of [1, 2, 3]) await ada.recover('000000');
  await fleet.stop(2);
  const { restoreStore } = fleet.snapshot(2);
  await fleet.start(2);
  await standing(2, 'voting');
  for (const _ of [4, 5]) await ada.recover('000000');
  await fleet.stop(2);
  restoreStore();
  await fleet.start(2);
  await standing(2, 'voting');
  expect(await ada.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 4 });
  await fleet.stop(2);
  fleet.forgetStore(2);
  await fleet.start(2);
  await standing(2, 'voting');
  await vi.waitFor(async () => expect((await fleet.store(2).load(ada.slot))?.standing).toBeDefined(), soon);
  fleet.cut(0);
  ada.via = 1;
  expect(await ada.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 3 });
  expect(await ada.recover('135790')).toMatchObject(opened);
});

test('a node that starts alone does not vote until it has heard from the others', async () => {
  const ada = await Person.of(fleet, expect.getState().currentTestName ?? '');
  await ada.deposit('135790', secret);
  await fleet.stop(2);
  fleet.cut(2);
  await fleet.start(2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await fleet.service(2).health()).standing).toBe('starting');
  fleet.join(2);
  await standing(2, 'voting');
  fleet.cut(1);
  expect(await ada.recover('135790')).toMatchObject(opened);
});

test('answers that were lost do not condemn a node that only asks again', async () => {
  await fleet.stop(2);
  fleet.loseAnswersTo(2);
  await fleet.start(2);
  await vi.waitFor(async () => expect(await fleet.store(0).seen(startsOf(fleet.idOf(2)))).toBe(fleet.token(2).counters.sequence), soon);
  fleet.join(2);
  await standing(2, 'voting');
});

test('the whole fleet may start at once', async () => {
  const ada = await Person.of(fleet, expect.getState().currentTestName ?? '');
  await ada.deposit('135790', secret);
  await Promise.all([0, 1, 2].map((node) => fleet.stop(node)));
  await Promise.all([0, 1, 2].map((node) => fleet.start(node)));
  for (const node of [0, 1, 2]) await standing(node, 'voting');
  expect(await ada.recover('135790')).toMatchObject(opened);
});

test('a token that was put back is quarantined for good: it votes on no old generation, and on new ones only', async () => {
  const [ada, bob] = [await Person.of(fleet, 'ada'), await Person.of(fleet, 'bob')];
  await ada.deposit('135790', secret);
  await fleet.stop(2);
  const { restoreToken, restoreStore } = fleet.snapshot(2);
  await fleet.start(2);
  await standing(2, 'voting');
  // A vote of node 2 is used for sure: what nobody used may be forgotten.
  const { member } = fleet.service(1);
  const ask = member.ask.bind(member);
  const mute = vi.spyOn(member, 'ask').mockImplementation((asked) => {
    return asked.op === 'attempt-vote' ? Promise.reject(new HoldfastError('timeout', 'it does not vote')) : ask(asked);
  });
  for (const _ of [1, 2, 3]) await ada.recover('000000');
  mute.mockRestore();
  await fleet.stop(2);
  restoreToken();
  restoreStore();
  // Whoever wants the token to pass for an honest one would lose the answers that say otherwise.
  fleet.loseAnswersTo(2);
  await fleet.start(2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  // Nor does a second start take the first one for the token's past.
  await fleet.stop(2);
  await fleet.start(2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  fleet.join(2);
  await standing(2, 'quarantined');
  expect(fleet.traces.map(({ what }) => what)).toContain('rolled-back');
  expect((await ada.status()).reports.find(({ signer }) => signer === fleet.idOf(2))?.standing).toBe(false);
  // The other two carry the fleet.
  expect(await ada.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 6 });
  fleet.cut(1);
  expect((await ada.recover('135790')).kind).toBe('unfinished');
  fleet.join(1);
  expect(await ada.recover('135790')).toMatchObject(opened);
  // A generation that came to be afterwards.
  expect(await bob.deposit('135790', secret)).toMatchObject({ kind: 'deposited', acknowledged: 3 });
  fleet.cut(1);
  expect(await bob.recover('135790')).toMatchObject(opened);
  fleet.join(1);
  await fleet.stop(2);
  await fleet.start(2);
  await standing(2, 'quarantined');
});
