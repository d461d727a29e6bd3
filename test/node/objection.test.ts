/** Three nodes in one process: the owner learns of a stranger's replacement from the nodes' signed feeds, and objects to it. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { waitingOf } from '../../src/device/cancel.ts';
import { TestFleet } from './fleet.ts';
import { Person } from './person.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make({ lockDelayMs: 300 });
  await vi.waitFor(
    async () => {
      for (const node of [0, 1, 2]) expect((await fleet.service(node).health()).standing).toBe('voting');
    },
    { timeout: 8_000, interval: 50 },
  );
});
afterAll(() => fleet.close());

const secret = new Uint8Array(randomBytes(32));
const another = new Uint8Array(randomBytes(32));

async function authorityOf(person: Person, passcode: string) {
  const got = await person.recover(passcode);
  if (got.kind !== 'opened') return expect.fail(got.kind);
  return { registration: got.registration, opened: got.opened };
}

test('an announcement shows in the feed with its digest; objected to by what the feed says, it never comes into force', async () => {
  const [owner, thief] = [await Person.of(fleet, 'owner'), await Person.of(fleet, 'owner')];
  await owner.deposit('135790', secret);
  expect(await thief.deposit('000000', another)).toMatchObject({ kind: 'waiting' });
  const { nodes, events } = await owner.events();
  expect(nodes).toHaveLength(3);
  expect(events[0]).toMatchObject({ kind: 'announced', generation: 2, certain: true, slot: owner.slot });
  const [announced, ...others] = waitingOf(events, 1);
  expect(others).toEqual([]);
  const authority = await authorityOf(owner, '135790');
  const objected = await owner.cancel(announced!, authority);
  expect(objected.kind === 'cancelled' && objected.stands.toSorted()).toEqual([0, 1, 2].map((node) => fleet.idOf(node)).toSorted());
  expect(waitingOf((await owner.events()).events, 1)).toEqual([]);
  // Said again it stands as before.
  expect(await owner.cancel(announced!, authority)).toMatchObject({ kind: 'cancelled' });
  fleet.laterMs += 3_601_000;
  expect(await thief.deposit('000000', another)).toMatchObject({ kind: 'refused' });
  expect(await owner.recover('135790')).toMatchObject({ kind: 'opened' });
});

test('every event names the registration that it is about', async () => {
  const person = await Person.of(fleet, 'told');
  await person.deposit('135790', secret);
  const authority = await authorityOf(person, '135790');
  const { digest } = authority.registration;
  await person.remove(authority);
  const { events } = await person.events();
  const told = events.map((event) => `${event.kind} ${event.generation} ${event.digest === digest}`);
  expect(told.toSorted()).toEqual(['deleted 2 false', 'guess 1 true', 'registered 1 true', 'success 1 true']);
});

test('an objection to what is in force comes too late', async () => {
  const person = await Person.of(fleet, 'late');
  await person.deposit('135790', secret);
  const authority = await authorityOf(person, '135790');
  expect(await person.cancel(authority.registration, authority)).toMatchObject({ kind: 'late', registration: { generation: 1 } });
});

test('with fewer than a quorum in reach nothing is claimed', async () => {
  const person = await Person.of(fleet, 'alone');
  await person.deposit('135790', secret);
  fleet.cut(1);
  fleet.cut(2);
  await expect(person.events()).rejects.toMatchObject({ code: 'no-quorum' });
  fleet.join(1);
  fleet.join(2);
});
