/** Three nodes in one process: what somebody with a login, or one node that lies, cannot do to an account or to the fleet. */

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { blindInput } from '../../src/client/open.ts';
import { UNLIMITED_GUESSES } from '../../src/vault/policy.ts';
import { dropShares, parseRegistration } from '../../src/vault/registration.ts';
import { PASSCODE, RECOVERY_CODE } from '../../src/vault/slot.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { hash } from '../../src/wire/signed.ts';
import { TestFleet } from './fleet.ts';
import { Person, POLICY } from './person.ts';

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
/** Of somebody else: its owner key is not the account's. */
const another = new Uint8Array(randomBytes(32));
const opened = { kind: 'opened', opened: { secret } };

test('no single request uses up the numbers of a recovery code', async () => {
  const [ada, thief] = [await Person.of(fleet, 'ada', RECOVERY_CODE), await Person.of(fleet, 'ada', RECOVERY_CODE)];
  await (await Person.of(fleet, 'ada')).deposit('135790', secret);
  await ada.deposit('a code', secret, { ...POLICY, guesses: UNLIMITED_GUESSES });
  const { generation, digest } = (await ada.status()).registration!;
  const { element } = blindInput(new Secret(randomBytes(6)), systemRandom);
  for (const attempt of [UNLIMITED_GUESSES, 65]) {
    const ask = await thief.authorised('attempt', { generation, digest, attempt, body: hash(element) });
    expect(await fleet.service(0).clients.attempt({ ...ask, element, shown: [] })).toMatchObject({ said: [], votes: [] });
  }
  for (const node of [0, 1, 2]) expect(await fleet.token(node).counters.read(ada.slot)).toMatchObject({ tried: 0 });
  expect(await ada.recover('a code')).toMatchObject(opened);
});

test('one login takes no more slots than there are kinds of ways in', async () => {
  const name = new Uint8Array(randomBytes(32));
  for (const way of [
    { ...PASSCODE, name },
    { ...RECOVERY_CODE, name },
  ]) {
    const thief = await Person.of(fleet, 'bob', way);
    await expect(thief.deposit('135790', secret)).rejects.toMatchObject({ code: 'malformed' });
  }
  const thief = await Person.of(fleet, 'bob', { kind: 'passkey', name });
  expect(await thief.deposit('135790', secret)).toMatchObject({ kind: 'refused', refusals: [{}, {}, {}] });
  for (const node of [0, 1, 2]) expect(await fleet.token(node).counters.read(thief.slot)).toMatchObject({ voted: 0 });
});

test('one node that talks nonsense keeps nobody from the others', async () => {
  const cy = await Person.of(fleet, 'cy');
  await cy.deposit('135790', secret);
  const lie = vi.spyOn(fleet.service(2).member, 'ask').mockResolvedValue({ bytes: Uint8Array.of(1), signature: new Uint8Array(64) });
  try {
    expect((await cy.status()).registration).toMatchObject({ generation: 1 });
    expect(await cy.recover('135790')).toMatchObject({ ...opened, confirmed: true });
  } finally {
    lie.mockRestore();
  }
});

test('quick nonsense does not cut off a slow answer', async () => {
  const dot = await Person.of(fleet, 'dot');
  await dot.deposit('135790', secret);
  const [slow, liar] = [fleet.service(1).member, fleet.service(2).member];
  const ask = slow.ask.bind(slow);
  const late = vi.spyOn(slow, 'ask').mockImplementation(async (asked) => {
    if (asked.op === 'answer') await new Promise((resolve) => setTimeout(resolve, 500));
    return ask(asked);
  });
  const lie = vi.spyOn(liar, 'ask').mockResolvedValue({ bytes: Uint8Array.of(1), signature: new Uint8Array(64) });
  try {
    expect(await dot.recover('135790')).toMatchObject(opened);
  } finally {
    late.mockRestore();
    lie.mockRestore();
  }
});

test('a node that learns of an attempt knows whose votes it used', async () => {
  const eli = await Person.of(fleet, 'eli');
  await eli.deposit('135790', secret);
  fleet.cut(2);
  // Nor does the client reach it, which asks through others when an answer is missing: it would have voted itself.
  const away = vi.spyOn(fleet.service(2).clients, 'attempt').mockResolvedValue({ said: [], refused: [], votes: [] });
  await eli.recover('000000');
  away.mockRestore();
  const { attempt } = (await fleet.service(0).member.proofOf(eli.slot))!;
  const votes = attempt!.votes.map(({ bytes }) => decodeMessage('node/attempt-vote', bytes));
  expect(await fleet.store(2).seen(votes[0]!.signer)).toBeLessThan(votes[0]!.sequence);
  await fleet.service(2).member.teach((await fleet.service(0).member.proofOf(eli.slot))!);
  for (const { signer, sequence } of votes) expect(await fleet.store(2).seen(signer)).toBeGreaterThanOrEqual(sequence);
  fleet.join(2);
});

test('an objection does not stand at a node that has voted already', async () => {
  const [flo, thief] = [await Person.of(fleet, 'flo'), await Person.of(fleet, 'flo')];
  await flo.deposit('135790', secret);
  expect(await thief.deposit('000000', another)).toMatchObject({ kind: 'waiting' });
  fleet.laterMs += 3_601_000;
  fleet.cut(1);
  fleet.cut(2);
  await fleet.service(0).clients.register(await thief.pending());
  fleet.join(1);
  fleet.join(2);
  expect(await fleet.token(0).counters.read(flo.slot)).toMatchObject({ voted: 2, active: 1 });
  const [announced] = (await flo.events()).events.filter(({ kind }) => kind === 'announced');
  const got = await flo.recover('135790');
  if (got.kind !== 'opened') return expect.fail(got.kind);
  const objected = await flo.cancel(announced!, got);
  expect(objected.kind === 'cancelled' && objected.stands.toSorted()).toEqual([1, 2].map((node) => fleet.idOf(node)).toSorted());
});

test('a coordinator that leaves out a sealed share does not make the client forget it', async () => {
  const gus = await Person.of(fleet, 'gus');
  const spies = [0, 0, 1].map((kept, node) => {
    const { member } = fleet.service(node);
    const ask = member.ask.bind(member);
    return vi.spyOn(member, 'ask').mockImplementation((asked) => {
      if (asked.op !== 'activate') return ask(asked);
      const whole = parseRegistration(asked.standing.registration, fleet.fleet);
      return ask({
        ...asked,
        standing: { ...asked.standing, registration: dropShares(whole, fleet.fleet, node === 2 ? kept : node).bytes },
      });
    });
  });
  expect(await gus.deposit('135790', secret)).toMatchObject({ kind: 'deposited' });
  for (const spy of spies) spy.mockRestore();
  const shareOf2 = async () => parseRegistration((await fleet.store(2).load(gus.slot))!.standing!.registration, fleet.fleet).shares[2];
  expect((await fleet.store(2).load(gus.slot))?.standing).toBeUndefined();
  expect(await gus.push()).toBe(true);
  expect(await shareOf2()).not.toHaveProperty('hash');
});

const announcedAt = async (node: number, person: Person) =>
  ((await fleet.store(node).load(person.slot))?.announcements ?? []).map(({ digest }) => digest);

test('a coordinator that calls every number stale does not make the client announce again and again', async () => {
  const hex = await Person.of(fleet, 'hex');
  await hex.deposit('135790', secret);
  const { clients } = fleet.service(0);
  const register = clients.register.bind(clients);
  const stale = { node: fleet.idOf(1), refusal: { refused: 'stale-generation', message: 'a lie' } as const };
  const lie = vi.spyOn(clients, 'register').mockImplementation(async (ask) => {
    await register(ask);
    return { said: [], refused: [stale] };
  });
  expect(await hex.deposit('246802', another)).toMatchObject({ kind: 'unfinished' });
  lie.mockRestore();
  const announced = await announcedAt(0, hex);
  expect(announced).toHaveLength(1);
  expect(await hex.deposit('246802', another)).toMatchObject({ kind: 'waiting' });
  expect(await announcedAt(0, hex)).toEqual(announced);
});

test('announcements that nobody comes for make room in the end', async () => {
  const ida = await Person.of(fleet, 'ida');
  await ida.deposit('135790', secret);
  for (let n = 0; n < 8; n += 1) {
    const thief = await Person.of(fleet, 'ida');
    expect(await thief.deposit('000000', another)).toMatchObject({ kind: 'waiting' });
  }
  const late = await Person.of(fleet, 'ida');
  expect(await late.deposit('246802', another)).toMatchObject({ kind: 'refused' });
  fleet.laterMs += 3_601_000 + 86_400_000;
  expect(await late.deposit('246802', another)).toMatchObject({ kind: 'waiting' });
});

test('coordinators that show nothing do not make an owner believe that there is nothing', async () => {
  const jay = await Person.of(fleet, 'jay');
  await jay.deposit('135790', secret);
  const lies = [0, 1, 2].map((node) => {
    const { clients } = fleet.service(node);
    const status = clients.status.bind(clients);
    return vi.spyOn(clients, 'status').mockImplementation(async (ask) => {
      const { standing: _, ...rest } = await status(ask);
      return rest;
    });
  });
  await expect(jay.recover('135790')).rejects.toMatchObject({ code: 'no-quorum' });
  for (const lie of lies) lie.mockRestore();
  expect(await jay.recover('135790')).toMatchObject(opened);
});

test('a coordinator that drops what confirms a guess is gone round', async () => {
  const kay = await Person.of(fleet, 'kay');
  await kay.deposit('135790', secret);
  const { clients } = fleet.service(0);
  const drop = vi.spyOn(clients, 'confirm').mockResolvedValue({ said: [], refused: [] });
  expect(await kay.recover('135790')).toMatchObject({ ...opened, confirmed: true });
  drop.mockRestore();
});

test('a deposit that was told to stand waits for a node that is lost, and holds up nothing that the person wants next', async () => {
  const person = await Person.of(fleet, 'lost-node');
  fleet.cut(2);
  try {
    expect(await person.deposit('135790', secret)).toMatchObject({ kind: 'deposited', generation: 1 });
    expect(await person.deposit('246801', another)).toMatchObject({ kind: 'waiting' });
  } finally {
    fleet.join(2);
  }
  expect(await person.recover('135790')).toMatchObject({ kind: 'opened' });
});

test('a node that is quick with nonsense keeps nobody from hearing what slow ones tell of an account', async () => {
  const gil = await Person.of(fleet, 'gil');
  await gil.deposit('135790', secret);
  const [slow, liar] = [fleet.service(0).member, fleet.service(2).member];
  const honest = slow.events.bind(slow);
  const nonsense = { events: '[]', signed: { bytes: new Uint8Array([1]), signature: new Uint8Array(64) } };
  const spies = [
    vi.spyOn(liar, 'events').mockResolvedValue(nonsense),
    vi.spyOn(slow, 'events').mockImplementation(async (ask) => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return honest(ask);
    }),
  ];
  const { told } = await fleet.service(1).clients.events(await gil.authorised('events'));
  for (const spy of spies) spy.mockRestore();
  expect(told.map(({ node }) => node)).toContain(fleet.idOf(0));
});
