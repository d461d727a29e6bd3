/** Three nodes with real tokens and stores, and a person's client: what DESIGN calls register, activate, attempt, confirm, locked. */

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { blindInput } from '../../src/client/open.ts';
import { isRefusal } from '../../src/quorum/ask.ts';
import { startsOf } from '../../src/quorum/member/memory.ts';
import type { EventKind } from '../../src/quorum/record.ts';
import { parseRegistration } from '../../src/vault/registration.ts';
import { hash, keyId, signMessage } from '../../src/wire/signed.ts';
import { TestFleet } from './fleet.ts';
import { Person, POLICY } from './person.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make({ lockDelayMs: 300 });
  await standing('voting', 'voting', 'voting');
});
afterAll(() => fleet.close());

const secret = new Uint8Array(randomBytes(32));
const another = new Uint8Array(randomBytes(32));
const soon = { timeout: 8_000, interval: 50 };

const standing = (...expected: string[]) =>
  vi.waitFor(async () => {
    const health = await Promise.all(expected.map((_, node) => fleet.service(node).health()));
    expect(health.map((one) => one.standing)).toEqual(expected);
  }, soon);

const events = async (person: Person, node: number): Promise<EventKind[]> =>
  (await fleet.store(node).events(person.place.account, 100)).map(({ kind }) => kind);

const opened = { kind: 'opened', opened: { secret }, confirmed: true };

test('what was deposited comes back with the right passcode, from any two of three nodes, through any of them', async () => {
  const ada = await Person.of(fleet, 'ada');
  expect(await ada.recover('135790')).toEqual({ kind: 'nothing' });
  expect(await ada.deposit('135790', secret)).toMatchObject({ kind: 'deposited', generation: 1, acknowledged: 3 });
  for (const away of [0, 1, 2]) {
    fleet.cut(away);
    ada.via = (away + 1) % 3;
    expect(await ada.recover('135790')).toMatchObject(opened);
    fleet.join(away);
  }
  expect(await events(ada, 1)).toContain('success');
});

test('a wrong passcode is counted at every node, and a success refills', async () => {
  const bob = await Person.of(fleet, 'bob');
  await bob.deposit('135790', secret);
  for (const left of [9, 8, 7]) expect(await bob.recover('000000')).toMatchObject({ kind: 'wrong', sure: true, guessesLeft: left });
  for (const node of [0, 1, 2]) {
    await vi.waitFor(
      async () => expect(await fleet.token(node).counters.read(bob.slot)).toMatchObject({ active: 1, tried: 3, cleared: 0 }),
      soon,
    );
  }
  expect(await bob.recover('135790')).toMatchObject(opened);
  const { reports } = await bob.status();
  expect(reports.map(({ tried, cleared }) => ({ tried, cleared }))).toEqual(Array(3).fill({ tried: 4, cleared: 4 }));
});

test('after ten wrong guesses every node refuses, soon certifies the lock, and erases its share after the grace time', async () => {
  const eve = await Person.of(fleet, 'eve');
  await eve.deposit('135790', secret);
  for (let n = 0; n < 10; n += 1) expect(await eve.recover('000000')).toMatchObject({ kind: 'wrong', guessesLeft: 9 - n });
  expect(await eve.recover('135790'), 'the last one may have been right').toMatchObject({ kind: 'last-guess' });
  for (const node of [0, 1, 2]) {
    await vi.waitFor(async () => expect(await fleet.store(node).load(eve.slot)).toMatchObject({ erased: true }), soon);
    expect(await events(eve, node)).toEqual(expect.arrayContaining(['locked', 'erased']));
  }
  expect(await eve.recover('135790')).toEqual({ kind: 'locked' });
  const health = await fleet.service(0).health();
  expect(health.due).toBe(0);
});

test('two devices on the last guess: one has it, the other is told to look again, and then gets in', async () => {
  const [one, two] = [await Person.of(fleet, 'twice'), await Person.of(fleet, 'twice')];
  await one.deposit('135790', secret);
  for (let n = 0; n < 9; n += 1) await one.recover('000000');
  const outcomes = await Promise.all([one.recover('135790'), two.recover('135790')]);
  expect(outcomes.map(({ kind }) => kind)).not.toContain('locked');
  expect(outcomes.map(({ kind }) => kind)).toContain('opened');
  expect(await two.recover('135790')).toMatchObject(opened);
});

test('the last guess, being right, has its confirmation before a lock', async () => {
  const fay = await Person.of(fleet, 'fay');
  await fay.deposit('135790', secret);
  for (let n = 0; n < 9; n += 1) await fay.recover('000000');
  expect(await fay.recover('135790')).toMatchObject(opened);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect((await fay.status()).reports.map(({ locked }) => locked)).toEqual([false, false, false]);
  expect(await fay.recover('135790')).toMatchObject(opened);
});

test('a node that was away catches up with what it missed, and heals its share without the client', async () => {
  const gil = await Person.of(fleet, 'gil');
  fleet.cut(2);
  expect(await gil.deposit('135790', secret)).toMatchObject({ kind: 'deposited', acknowledged: 2 });
  await gil.recover('000000');
  expect(await fleet.token(2).counters.read(gil.slot)).toMatchObject({ active: 0 });
  fleet.join(2);
  await vi.waitFor(async () => expect(await fleet.token(2).counters.read(gil.slot)).toMatchObject({ active: 1, tried: 1 }), soon);
  fleet.cut(0);
  gil.via = 2;
  expect(await gil.recover('135790')).toMatchObject(opened);
  fleet.join(0);
});

test('a node that is asked before it caught up is taught by the coordinator', async () => {
  const hal = await Person.of(fleet, 'hal');
  fleet.cut(2);
  await hal.deposit('135790', secret);
  fleet.cut(1);
  fleet.join(2);
  // Only 0 knows; 2 must learn on the way, or there is no quorum.
  expect(await hal.recover('135790')).toMatchObject(opened);
  fleet.join(1);
  await vi.waitFor(async () => expect(await fleet.token(1).counters.read(hal.slot)).toMatchObject({ cleared: 1 }), soon);
});

test('a new passcode replaces the old: at once with the owner key, else after the cooling-off time', async () => {
  const ivy = await Person.of(fleet, 'ivy');
  await ivy.deposit('135790', secret);
  const got = await ivy.recover('135790');
  if (got.kind !== 'opened') return expect.fail(got.kind);
  const authority = { registration: got.registration, opened: got.opened };
  expect(await ivy.deposit('246802', secret, POLICY, authority)).toMatchObject({ kind: 'deposited', generation: 2 });
  expect(await ivy.recover('246802')).toMatchObject(opened);
  expect(await ivy.deposit('999999', another)).toMatchObject({ kind: 'waiting', secondsLeft: 3600 });
  expect(await events(ivy, 0)).toContain('announced');
  expect(await ivy.recover('246802')).toMatchObject(opened);
  fleet.laterMs += 3_601_000;
  expect(await ivy.deposit('999999', another)).toMatchObject({ kind: 'deposited', generation: 3 });
  expect(await ivy.recover('999999')).toMatchObject({ kind: 'opened', opened: { secret: another } });
});

test('the owner objects to an announced replacement, and it never comes into force', async () => {
  const [kim, thief] = [await Person.of(fleet, 'kim'), await Person.of(fleet, 'kim')];
  await kim.deposit('135790', secret);
  expect(await thief.deposit('000000', another)).toMatchObject({ kind: 'waiting' });
  const got = await kim.recover('135790');
  if (got.kind !== 'opened') return expect.fail(got.kind);
  const [announced] = (await fleet.store(0).load(kim.slot))?.announcements ?? [];
  const { generation, digest } = announced!;
  const signer = keyId(got.registration.core.unlockKey);
  const what = { fleet: fleet.fleet.id, signer, slot: kim.slot, generation, digest, bySlot: kim.slot };
  const cancelled = { by: kim.place, cancel: signMessage('unlock/cancel', what, got.opened.sign) };
  fleet.cut(2);
  const { stands } = await fleet.service(1).clients.cancel(kim.place, cancelled);
  expect(stands.toSorted()).toEqual([fleet.idOf(0), fleet.idOf(1)].toSorted());
  fleet.join(2);
  await vi.waitFor(async () => expect((await fleet.store(2).load(kim.slot))?.cancels).toHaveLength(1), soon);
  fleet.laterMs += 3_601_000;
  expect(await thief.deposit('000000', another)).toMatchObject({ kind: 'refused' });
  expect(await kim.recover('135790')).toMatchObject(opened);
});

test('what was deleted is gone at every node', async () => {
  const lea = await Person.of(fleet, 'lea');
  await lea.deposit('135790', secret);
  const got = await lea.recover('135790');
  if (got.kind !== 'opened') return expect.fail(got.kind);
  expect(await lea.remove({ registration: got.registration, opened: got.opened })).toMatchObject({ kind: 'deposited', generation: 2 });
  expect(await lea.recover('135790')).toEqual({ kind: 'nothing' });
  for (const node of [0, 1, 2]) {
    const record = await fleet.store(node).load(lea.slot);
    expect(parseRegistration(record!.standing!.registration, fleet.fleet).shares).toEqual([]);
  }
});

test("the owner's events come from every node, each signed", async () => {
  const joy = await Person.of(fleet, 'joy');
  await joy.deposit('135790', secret);
  await joy.recover('000000');
  const { told, refused } = await fleet.service(1).clients.events(await joy.authorised('events'));
  expect(refused).toEqual([]);
  expect(told.map(({ node }) => node).sort()).toEqual([0, 1, 2].map((node) => fleet.idOf(node)).sort());
  for (const { events: text } of told) expect(JSON.parse(text).map((one: { kind: string }) => one.kind)).toEqual(['guess', 'registered']);
});

test('law 1: of many guesses at once under one number a node counts one', async () => {
  const max = await Person.of(fleet, 'max');
  await max.deposit('135790', secret);
  const { registration } = await max.status();
  const { generation, digest } = registration!;
  const replies = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const { element } = blindInput(new Secret(randomBytes(6)), systemRandom);
      const ask = await max.authorised('attempt', { generation, digest, attempt: 1, body: hash(element) });
      return fleet.service(1).member.ask({ op: 'attempt-vote', ...ask, element, shown: [] });
    }),
  );
  expect(replies.filter((reply) => !isRefusal(reply))).toHaveLength(1);
  expect(await fleet.token(1).counters.read(max.slot)).toMatchObject({ tried: 1 });
});

test('many people at once', async () => {
  const people = await Promise.all(Array.from({ length: 12 }, (_, i) => Person.of(fleet, `many-${i}`)));
  await Promise.all(
    people.map(async (person, i) => {
      person.via = i % 3;
      expect(await person.deposit('135790', secret)).toMatchObject({ kind: 'deposited' });
      expect(await person.recover('111111')).toMatchObject({ kind: 'wrong' });
      expect(await person.recover('135790')).toMatchObject(opened);
    }),
  );
  expect((await fleet.service(0).health()).waiting).toBe(0);
});

test('a start is on disk before others hear of it', async () => {
  await fleet.stop(1);
  const heard = () => fleet.store(0).seen(startsOf(fleet.idOf(1)));
  const before = await heard();
  let synced = 0;
  fleet.syncToken = () => {
    synced += 1;
    throw new Error('the disk is slow');
  };
  await fleet.start(1);
  await vi.waitFor(() => expect(synced).toBeGreaterThan(1), soon);
  expect(await heard()).toBe(before);
  fleet.syncToken = () => undefined;
  await standing('voting', 'voting', 'voting');
  expect(await heard()).toBeGreaterThan(before);
});
