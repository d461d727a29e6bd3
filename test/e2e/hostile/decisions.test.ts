/** Law 5: registrations, activations, confirmations and objections that are not in order, and statements with any byte changed. */
import { describe, expect, it } from 'vitest';
import { fromBase64url, type Id, toBase64url, toHex } from '../../../src/base/bytes.ts';
import { systemRandom } from '../../../src/base/ports.ts';
import { memoryMemos, PASSCODE, Secret } from '../../../src/client/index.ts';
import { nativeArgon2id } from '../../../src/client/node/index.ts';
import { dealRegistration } from '../../../src/client/open.ts';
import { encodeCore, encodeRegistration, parseRegistration } from '../../../src/vault/registration.ts';
import { encodeMessage } from '../../../src/wire/message.ts';
import { hash, keyId, type Sign, type Signed, signMessage } from '../../../src/wire/signed.ts';
import { QUICK } from '../fleet.ts';
import { type Json, overheard, type Raw, type Spelled, spell, urlOf, verdict } from '../raw.ts';
import {
  type Account,
  alice,
  asked,
  bob,
  deposit,
  fleet,
  head,
  mallory,
  members,
  OTHER_FLEET,
  otherId,
  RIGHT,
  random,
  refused,
  stage,
  standing,
  standingOf,
  votesOf,
  WRONG,
} from './world.ts';
import { writtenDown } from './written.ts';

stage();

describe('a registration', () => {
  const register = async (by: Raw, registration: Uint8Array, own: Json = {}) => {
    const { slot, generation, digest } = parseRegistration(registration, members());
    const request = await by.request({ operation: 'register', slot, generation, digest, body: digest });
    return by.ask('register', { request, registration: toBase64url(registration), ...own });
  };
  /** Alice's sealed shares and public shares under mallory's unlock key, in mallory's slot. */
  const lifted = () => {
    const core = encodeCore({ ...alice.registration.core, place: mallory.place, unlockKey: bob.registration.core.unlockKey });
    return encodeRegistration(core, alice.registration.shares);
  };
  const dealt = async (generation: number) =>
    dealRegistration(
      members(),
      alice.raw.place,
      generation,
      { secret: new Secret(systemRandom(32)), input: WRONG, ...QUICK },
      { random, argon2id: nativeArgon2id },
    );
  const replacing = async () => {
    const { registration, owner } = await dealt(2);
    const { slot, generation, digest } = parseRegistration(registration, members());
    const by = owner ?? expect.fail('a deposit has an owner');
    const what = { fleet: alice.raw.fleetId, signer: keyId(by.publicKey), slot, generation, digest };
    return { registration, approval: spell(signMessage('owner/approve', what, by.sign)) };
  };

  refused([
    ['with shares lifted from another’s', 'share-refused by 3', () => register(mallory, lifted())],
    [
      'of another person',
      'malformed by 3',
      async () => {
        const { digest } = alice.registration;
        const request = await mallory.request({ operation: 'register', generation: 1, digest });
        return mallory.ask('register', { request, registration: toBase64url(alice.registration.bytes) });
      },
    ],
    ['for another person’s slot', 'pass-refused by 3', () => register(mallory, alice.registration.bytes)],
    ['far ahead of the last', 'stale-generation by 3', async () => register(alice.raw, (await dealt(1000)).registration)],
    ['of the largest generation', 'stale-generation by 3', async () => register(alice.raw, (await dealt(0xffff_ffff)).registration)],
    ['under a generation already voted for', 'stale-generation by 3', async () => register(alice.raw, (await dealt(1)).registration)],
    [
      'that another owner key than the account’s approves',
      'cooling-off by 3',
      async () => {
        const { registration, approval } = await replacing();
        return register(alice.raw, registration, { approval });
      },
    ],
    ['that replaces without waiting', 'cooling-off by 3', async () => register(alice.raw, (await dealt(2)).registration)],
    [
      'with bytes left over',
      '400 malformed',
      async () => {
        const request = await alice.raw.request({ operation: 'register' });
        return alice.raw.ask('register', {
          request,
          registration: toBase64url(Buffer.concat([alice.registration.bytes, Buffer.alloc(1)])),
        });
      },
    ],
  ]);
});

describe('an activation', () => {
  const activate = (changed: Json) => alice.raw.ask('activate', { standing: { ...standingOf(alice), ...changed } });
  const votes = () => standingOf(alice).votes;
  const first = () => votes()[0] as Spelled;
  const votesElsewhere = () => {
    const signer = members().nodes[0]?.id as Id;
    const bytes = encodeMessage('node/register-vote', { ...head(alice), fleet: OTHER_FLEET, signer, sequence: 1n });
    return [{ ...first(), signed: toBase64url(bytes) }, ...votes().slice(1)];
  };
  const by = (sign: Sign, signer: Id) => spell(signMessage('unlock/activate', { fleet: alice.raw.fleetId, signer, ...head(alice) }, sign));

  refused([
    ['without votes', 'not-certified by 3', () => activate({ votes: [] })],
    ['with too few votes', 'not-certified by 3', () => activate({ votes: [first()] })],
    ['with one vote twice', 'not-certified by 3', () => activate({ votes: [first(), first()] })],
    ['with more votes than nodes', 'not-certified by 3', () => activate({ votes: Array(5).fill(first()) })],
    ['with votes for another’s registration', 'not-certified by 3', () => activate({ votes: standingOf(bob).votes })],
    ['with votes on guesses', 'malformed by 3', () => activate({ votes: votesOf(alice, 1) })],
    ['with a vote of another fleet', 'wrong-fleet by 3', () => activate({ votes: votesElsewhere() })],
    ['by another unlock key', 'not-signed by 3', () => activate({ activation: by(bob.unlock, keyId(bob.registration.core.unlockKey)) })],
    [
      'in the name of the unlock key',
      'not-signed by 3',
      () => activate({ activation: by(bob.unlock, keyId(alice.registration.core.unlockKey)) }),
    ],
    ['of another’s registration', 'not-signed by 3', () => activate({ activation: standingOf(bob).activation })],
  ]);

  it('of the generation in force, sent again after guesses, is acknowledged and refills nothing', async () => {
    const before = await standing();
    expect(before.of.map(({ tried, cleared }) => [tried, cleared])).toEqual(Array(3).fill([3, 2]));
    expect(verdict(await alice.raw.ask('activate', { standing: standingOf(alice) }))).toBe('said by 3');
    expect(verdict(await mallory.ask('activate', { standing: standingOf(alice) }))).toBe('401 pass-refused');
    expect(verdict(await mallory.ask('confirm', { confirmed: asked(alice, 'confirm')['confirmed'] }))).toBe('401 pass-refused');
    expect(await standing()).toEqual(before);
  });

  it('of a generation that was replaced brings nothing back', async () => {
    const old = await deposit('carol', [RIGHT]);
    const device = await fleet.device('carol');
    const options = { ...QUICK, authority: old.authority };
    const done = await device.deposit(PASSCODE, new Secret(systemRandom(32)), WRONG, options);
    expect(done).toMatchObject({ kind: 'deposited', generation: 2 });
    const before = (await device.status(PASSCODE)).reports.map(({ generation, tried, voted }) => ({ generation, tried, voted }));
    expect(verdict(await old.raw.ask('activate', { standing: standingOf(old) }))).toBe('stale-generation by 3');
    expect(verdict(await old.raw.ask('confirm', { confirmed: asked(old, 'confirm')['confirmed'] }))).toBe('stale-generation by 3');
    const after = (await device.status(PASSCODE)).reports.map(({ generation, tried, voted }) => ({ generation, tried, voted }));
    expect(after).toEqual(before);
    expect(await device.recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'wrong' });
    expect(await device.recover(PASSCODE, WRONG)).toMatchObject({ kind: 'opened' });
  });
});

describe('a confirmation', () => {
  const signed = (changed: Json = {}, account = alice, sign = account.unlock): Signed => {
    const signer = keyId(account.registration.core.unlockKey);
    return signMessage('unlock/confirm', { fleet: alice.raw.fleetId, signer, ...head(account), attempt: 3, ...changed } as never, sign);
  };
  const confirm = (confirm: Signed, votes: readonly Spelled[]) =>
    alice.raw.ask('confirm', { confirmed: { confirm: spell(confirm), votes } });
  const third = () => votesOf(alice, 3);

  refused([
    ['without a quorum certificate', 'not-certified by 3', () => confirm(signed(), [])],
    ['with too few votes', 'not-certified by 3', () => confirm(signed(), third().slice(1))],
    ['with one vote twice', 'not-certified by 3', () => confirm(signed(), [third()[0] as Spelled, third()[0] as Spelled])],
    ['with the votes of another guess', 'not-certified by 3', () => confirm(signed(), votesOf(alice, 2))],
    ['with votes of two guesses', 'not-certified by 3', () => confirm(signed(), [third()[0] as Spelled, votesOf(alice, 2)[1] as Spelled])],
    ['with the votes of another person’s guess', 'not-certified by 3', () => confirm(signed({ attempt: 1 }), votesOf(bob, 1))],
    ['with votes for a registration', 'malformed by 3', () => confirm(signed(), standingOf(alice).votes)],
    ['of a guess that is still to come', 'not-certified by 3', () => confirm(signed({ attempt: 9 }), third())],
    [
      'by another unlock key',
      'not-signed by 3',
      () => confirm(signed({ signer: keyId(bob.registration.core.unlockKey) }, alice, bob.unlock), third()),
    ],
    ['in the name of the unlock key', 'not-signed by 3', () => confirm(signed({}, alice, bob.unlock), third())],
    ['for another fleet', 'wrong-fleet by 3', () => confirm(signed({ fleet: OTHER_FLEET }), third())],
    ['of a later generation', 'unknown-generation by 3', () => confirm(signed({ generation: 2 }), third())],
  ]);
});

describe('an objection', () => {
  const cancel = (by: Raw, changed: Json, account: Account, own: Json = {}) => {
    const { fleetId } = by;
    const signer = keyId(account.registration.core.unlockKey);
    const slot = by.slot;
    const what = { fleet: fleetId, signer, slot, generation: 2, digest: otherId, bySlot: account.raw.slot, ...changed };
    const { tenant, account: accountOf } = account.raw.place;
    const place = { tenant, account: accountOf, way: { kind: 'passcode', name: '' } };
    const statement = signMessage('unlock/cancel', what as never, account.unlock);
    return by.ask('cancel', { cancelled: { by: place, cancel: spell(statement) }, ...own });
  };
  refused([
    ['by a way in of another person', 'not-allowed by 3', () => cancel(alice.raw, {}, bob)],
    ['in another person’s slot', 'malformed by 3', () => cancel(alice.raw, { slot: bob.raw.slot }, alice)],
    ['to what is in force', 'stale-generation by 3', () => cancel(alice.raw, { generation: 1, digest: alice.registration.digest }, alice)],
    ['in the name of another way in', 'malformed by 3', () => cancel(alice.raw, { bySlot: bob.raw.slot }, alice)],
  ]);

  /** A coordinator that says what it likes; the nodes behind it are honest. */
  const through = async (lies: (url: string) => boolean) => {
    let dropped = 0;
    const device = await fleet.device('alice', 0, {
      memos: memoryMemos(),
      fetch: (url, init) => {
        if (!url.endsWith('/cancel') || !lies(url)) return fleet.fetch(url, init);
        dropped += 1;
        const stands = members().nodes.map(({ id }) => id);
        return Promise.resolve(Response.json({ said: [], refused: [], stands }));
      },
    });
    return { device, dropped: () => dropped };
  };

  const objector = () => ({ registration: alice.registration, owner: alice.authority.opened.owner });

  it('that the coordinator drops and claims to stand is not believed, and another carries it', async () => {
    const { device: owner } = await overheard(fleet, 'alice');
    const { events } = await owner.events(PASSCODE);
    const announced = events.find(({ kind }) => kind === 'announced') ?? expect.fail('the stranger above announced one');
    expect(announced).toMatchObject({ generation: 2, certain: true });
    const everywhere = await through(() => true);
    const none = await everywhere.device.cancel(PASSCODE, announced, objector());
    expect(none).toEqual({ kind: 'unfinished', stands: [], refusals: [] });
    expect(everywhere.dropped()).toBe(3);
    const atOne = await through((url) => url.startsWith(urlOf(fleet, 0)));
    expect(await atOne.device.cancel(PASSCODE, announced, objector())).toMatchObject({ kind: 'cancelled' });
    expect(atOne.dropped()).toBe(1);
  });
});

describe('a statement with any byte changed, cut or added', () => {
  const bodies: readonly (readonly [
    what: string,
    make: () => Promise<readonly [operation: string, body: Json, path: readonly string[]]>,
  ])[] = [
    ['status request', async () => ['status', { request: await alice.raw.request() }, ['request']]],
    [
      'guess',
      async () => {
        const element = String(asked(alice, 'attempt')['element']);
        const body = hash(fromBase64url(element));
        const request = await alice.raw.request({ operation: 'attempt', ...head(alice), attempt: 4, body });
        return ['attempt', { request, element }, ['request']];
      },
    ],
    ['activation', async () => ['activate', { standing: standingOf(alice) }, ['standing', 'activation']]],
    ['vote for a registration', async () => ['activate', { standing: standingOf(alice) }, ['standing', 'votes', '0']]],
    ['confirmation', async () => ['confirm', { confirmed: asked(alice, 'confirm')['confirmed'] }, ['confirmed', 'confirm']]],
    ['vote on a guess', async () => ['confirm', { confirmed: asked(alice, 'confirm')['confirmed'] }, ['confirmed', 'votes', '0']]],
  ];
  const within = (body: Json, path: readonly string[]) =>
    path.reduce<Json>((at, step) => at[step] as Json, body) as unknown as Record<string, string>;
  const spoilt = (bytes: Uint8Array): Uint8Array[] => {
    const places = Array.from({ length: 12 }, (_, i) => Math.floor((i * bytes.length) / 12));
    const flipped = places.map((at) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)));
    return [...flipped, bytes.slice(0, -1), Uint8Array.of(...bytes, 0), new Uint8Array()];
  };

  it.each(bodies)(
    'is no %s',
    async (_, make) => {
      const before = await standing();
      const [operation, body, path] = await make();
      for (const part of ['signed', 'signature'] as const) {
        const bytes = fromBase64url(within(body, path)[part] ?? '');
        for (const changed of spoilt(bytes)) {
          const copy = structuredClone(body);
          within(copy, path)[part] = toBase64url(changed);
          const heard = await alice.raw.ask(operation, copy);
          expect(verdict(heard), `${part}: ${toHex(changed)}`).toMatch(
            /^(400 malformed|401 pass-refused|(malformed|not-signed|wrong-fleet|pass-refused|not-certified|[a-z]+-generation|request-expired|attempt-out-of-range|not-found) by 3)$/,
          );
        }
      }
      expect(await standing()).toEqual(before);
    },
    120_000,
  );
});

writtenDown('not-signed');
