/** Law 5 on real processes and TLS: whatever is not in order is refused with its code, changes nothing, and no secret is traced. */
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url, type Id, toBase64url, toHex } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { memoryMemos, normalisePasscode, PASSCODE, RECOVERY_CODE, Secret, type VaultClient } from '../../src/client/index.ts';
import { nativeArgon2id } from '../../src/client/node/index.ts';
import { dealRegistration } from '../../src/client/open.ts';
import { activeFleet } from '../../src/fleet/entry.ts';
import type { Authority } from '../../src/quorum/client/deposit.ts';
import { encodeCore, encodeRegistration, parseRegistration, type Registration } from '../../src/vault/registration.ts';
import { slotId } from '../../src/vault/slot.ts';
import { encodeMessage } from '../../src/wire/message.ts';
import { hash, keyId, type Sign, type Signed, signMessage } from '../../src/wire/signed.ts';
import { credentialsOf, newFleet } from '../web/fleet.ts';
import { thumbprint } from '../web/passes.ts';
import { type Config, QUICK, TestFleet } from './fleet.ts';
import { accountsFile, type Exchange, heardFrom, type Json, overheard, Raw, type Spelled, spell, urlOf, verdict } from './raw.ts';

/** Small enough to reach in a test. */
const LIMITS = { requestLimitMs: 1500, connectionsMax: 40 };

const PIN = '83120465917264';
const RIGHT = normalisePasscode(PIN);
const WRONG = normalisePasscode('60417733218905');

/** All that a client of ours made by chance, with what it deposited: blinds, shares, keys. */
const made: Uint8Array[] = [];
const random = (length: number): Uint8Array => {
  const bytes = systemRandom(length);
  if (length >= 16) made.push(bytes);
  return bytes;
};

interface Account {
  readonly raw: Raw;
  readonly exchanges: readonly Exchange[];
  readonly registration: Registration;
  /** Signs with the unlock key. */
  readonly unlock: Sign;
  readonly authority: Authority;
}

let fleet: TestFleet;
/** Whose slot must not change: three guesses, of which the second was right. */
let alice: Account;
let bob: Account;
/** Has a login, and nothing deposited. */
let mallory: Raw;
let observer: VaultClient;

beforeAll(async () => {
  fleet = await TestFleet.up(3, configure);
  alice = await deposit('alice', [WRONG, RIGHT, WRONG]);
  bob = await deposit('bob', [RIGHT]);
  mallory = await Raw.of(fleet, 'mallory');
  observer = await fleet.device('alice');
}, 180_000);
afterAll(() => fleet?.down(), 60_000);

function configure(name: string, config: Config): Config {
  if (name === 'accounts') return config;
  // All three are waited for, however slow: what is expected below is every node's word.
  const timing = { ...(config['timing'] as Config), answerLingerMs: 10_000, recordLingerMs: 10_000 };
  return { ...config, public: { ...(config['public'] as Config), ...LIMITS }, timing, trace: { level: 'debug' } };
}

const members = () => activeFleet(fleet.entry, { allowSimulated: true }).fleet;

async function deposit(user: string, guesses: readonly Secret<Uint8Array>[]): Promise<Account> {
  const { device, exchanges } = await overheard(fleet, user, { random });
  const key = random(32);
  expect(await device.deposit(PASSCODE, new Secret(key), RIGHT, QUICK)).toMatchObject({ kind: 'deposited', acknowledged: 3 });
  let authority: Authority | undefined;
  for (const guess of guesses) {
    const recovered = await device.recover(PASSCODE, guess);
    if (recovered.kind === 'opened') authority = recovered;
  }
  if (authority === undefined) return expect.fail('no guess was right');
  return { raw: await Raw.of(fleet, user), exchanges, registration: authority.registration, unlock: authority.opened.sign, authority };
}

/** What all nodes say of alice's slot, but for the nonce: down to the commit sequence, which rises with any commit. */
async function standing() {
  const { reports, registration } = await observer.status(PASSCODE);
  const of = reports.map((report) => ({ ...report, nonce: undefined, as: undefined })).sort((a, b) => (a.signer < b.signer ? -1 : 1));
  expect(of).toHaveLength(3);
  return { of, digest: registration?.digest };
}

type Make = () => Promise<{ readonly http: number; readonly text: string; readonly json: Json }>;
type Row = readonly [what: string, heard: string, make: Make];

/** Each row is refused with just this, and alice's slot stands as before. */
function refused(rows: readonly Row[]): void {
  it.each(rows)('%s: %s', async (_, heard, make) => {
    const before = await standing();
    expect(verdict(await make())).toBe(heard);
    expect(await standing()).toEqual(before);
  });
}

const asked = (account: Account, operation: string, index = 0): Json => {
  const found = account.exchanges.filter((one) => one.operation === operation)[index];
  return found?.asked ?? expect.fail(`no ${operation} was overheard`);
};
const votesOf = (account: Account, attempt: number): readonly Spelled[] => {
  const found = account.exchanges.filter((one) => one.operation === 'attempt')[attempt - 1];
  return (found?.answered['votes'] as Spelled[] | undefined) ?? expect.fail('no such attempt');
};
const standingOf = (account: Account) =>
  asked(account, 'activate')['standing'] as { registration: string; votes: readonly Spelled[]; activation: Spelled };
const head = ({ registration: { slot, generation, digest } }: Account) => ({ slot, generation, digest });

const OTHER_FLEET = 'ab'.repeat(32) as Id;
const otherId = 'cd'.repeat(32) as Id;

describe('a pass', () => {
  const status = async (pass: string | undefined, by: Raw = alice.raw) => {
    const headers = { authorization: pass === undefined ? 'Basic YTpi' : `Bearer ${pass}` };
    return by.ask('status', { request: await by.request() }, headers);
  };
  const mint = async (changed: Json, header: { alg: string; kid?: string } = { alg: 'ES256' }, key?: JWK | Uint8Array) => {
    const own = accountsFile(fleet, 'data', 'signing-key.json') as JWK;
    const { issuer, audience } = accountsFile(fleet, 'accounts.json') as { issuer: string; audience: string };
    const exp = Math.floor(Date.now() / 1000) + 600;
    const cnf = { jkt: thumbprint(alice.raw.clientKey.publicKey) };
    const signer = key instanceof Uint8Array ? key : await importJWK(key ?? own, 'ES256');
    return new SignJWT({ iss: issuer, aud: audience, sub: 'alice', exp, cnf, ...changed })
      .setProtectedHeader({ kid: own.kid ?? '', ...header })
      .sign(signer);
  };
  const unsigned = async () => {
    const [, payload] = (await mint({})).split('.');
    return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  };
  const foreignKey = async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    return (await crypto.subtle.exportKey('jwk', privateKey)) as JWK;
  };
  const publicKeyText = () => {
    const { kty, crv, x, y } = accountsFile(fleet, 'data', 'signing-key.json');
    return new TextEncoder().encode(JSON.stringify({ kty, crv, x, y }));
  };

  it('that the account service would give is taken, so that the refusals below have their own reasons', async () => {
    expect(verdict(await status(await mint({})))).toBe('said by 3');
  });
  refused([
    ['that is none', '401 pass-refused', () => status(undefined)],
    ['that is no JWT', '401 pass-refused', () => status('a.b.c')],
    ['of another person', '401 pass-refused', () => status(mallory.pass)],
    ['with a changed byte', '401 pass-refused', () => status(`${alice.raw.pass.slice(0, -10)}AAAAAAAAAA`)],
    ['that has expired', '401 pass-refused', async () => status(await mint({ exp: Math.floor(Date.now() / 1000) - 60 }))],
    ['that never expires', '401 pass-refused', async () => status(await mint({ exp: undefined }))],
    ['of another issuer', '401 pass-refused', async () => status(await mint({ iss: 'https://elsewhere.example' }))],
    ['for another audience', '401 pass-refused', async () => status(await mint({ aud: 'elsewhere' }))],
    ['without a client key', '401 pass-refused', async () => status(await mint({ cnf: undefined }))],
    ['signed with a key of one’s own', '401 pass-refused', async () => status(await mint({}, { alg: 'ES256' }, await foreignKey()))],
    ['that names no algorithm', '401 pass-refused', async () => status(await unsigned())],
    ['by HMAC under the public key', '401 pass-refused', async () => status(await mint({}, { alg: 'HS256' }, publicKeyText()))],
    ['with another client key than it names', '401 pass-refused', async () => status(alice.raw.pass, mallory)],
    ['that is enormous', '401 pass-refused', () => status('a'.repeat(5000))],
  ]);
});

describe('a request', () => {
  const status = async (...how: Parameters<Raw['request']>) => alice.raw.ask('status', { request: await alice.raw.request(...how) });
  const inSeconds = (seconds: number) => ({ expiry: BigInt(Math.floor(Date.now() / 1000) + seconds) });
  const attempt = async (changed: Parameters<Raw['request']>[0] = {}, element = goodElement()) => {
    const body = hash(fromBase64url(element));
    const request = await alice.raw.request({ operation: 'attempt', ...head(alice), attempt: 4, body, ...changed });
    return alice.raw.ask('attempt', { request, element });
  };
  const goodElement = () => String(asked(alice, 'attempt')['element']);
  const otherElement = () => String(asked(bob, 'attempt')['element']);
  /** Just as it was sent, with the pass of then. */
  const again = (operation: string, index = 0) => {
    const exchange = alice.exchanges.filter((one) => one.operation === operation)[index] ?? expect.fail(`no ${operation} was overheard`);
    return alice.raw.post(`/v1/${operation}`, exchange.asked, { authorization: exchange.authorization });
  };

  refused([
    ['signed with another client key than the pass names', 'not-signed by 3', () => status({}, mallory.clientKey)],
    ['in the name of another client key', 'not-signed by 3', () => status({ signer: otherId })],
    ['that has expired', 'request-expired by 3', () => status(inSeconds(-1))],
    ['that would live for ever', 'request-expired by 3', () => status(inSeconds(86_400))],
    ['for another fleet', 'wrong-fleet by 3', () => status({ fleet: OTHER_FLEET })],
    ['for the slot of another person', 'pass-refused by 3', () => status({ slot: bob.registration.slot })],
    [
      'for another way in of the same person',
      'pass-refused by 3',
      () => status({ slot: slotId({ ...alice.raw.place, way: RECOVERY_CODE }) }),
    ],
    ['for another operation', 'malformed by 3', () => status({ operation: 'events' })],
    ['for the status, sent as a guess', 'malformed by 3', () => attempt({ operation: 'status' })],
    ['of a guess with a swapped element', 'malformed by 3', () => attempt({ body: hash(fromBase64url(otherElement())) })],
    ['of a guess at no point of the curve', '400 malformed', () => attempt({}, `A${'_'.repeat(43)}`)],
    ['of a guess at a generation that is not', 'unknown-generation by 3', () => attempt({ generation: 2 })],
    ['of a guess at another registration', 'stale-generation by 3', () => attempt({ digest: otherId })],
    ['of a guess under a number already used', 'attempt-out-of-range by 3', () => attempt({ attempt: 2 })],
    ['of a guess beyond the ten', 'attempt-out-of-range by 3', () => attempt({ attempt: 13 })],
    ['of a guess under number 0', 'attempt-out-of-range by 3', () => attempt({ attempt: 0 })],
    ['of an earlier guess, sent again', 'attempt-out-of-range by 3', () => again('attempt', 0)],
  ]);

  it('sent again is the same guess: answered, and counted once', async () => {
    const before = await standing();
    expect(verdict(await again('attempt', 2))).toBe('said by 3');
    expect(verdict(await again('status', 0))).toBe('said by 3');
    expect(verdict(await again('register'))).toBe('said by 3');
    expect(await standing()).toEqual(before);
  });
});

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
    const { registration, sign } = await dealt(2);
    const { slot, generation, digest, core } = parseRegistration(registration, members());
    const by = { fleet: alice.raw.fleetId, signer: keyId(core.unlockKey), slot, generation, digest };
    const old = { oldGeneration: 1, oldDigest: alice.registration.digest };
    return { registration, replace: spell(signMessage('unlock/replace', { ...by, ...old }, sign)) };
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
    ['under a generation already voted for', 'stale-generation by 3', async () => register(alice.raw, (await dealt(1)).registration)],
    [
      'that replaces without the unlock key in force',
      'not-signed by 3',
      async () => {
        const { registration, replace } = await replacing();
        return register(alice.raw, registration, { replace });
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

  it('that the coordinator drops and claims to stand is not believed, and another carries it', async () => {
    const { device: owner } = await overheard(fleet, 'alice');
    const { events } = await owner.events(PASSCODE);
    const announced = events.find(({ kind }) => kind === 'announced') ?? expect.fail('the stranger above announced one');
    expect(announced).toMatchObject({ generation: 2, certain: true });
    const everywhere = await through(() => true);
    const none = await everywhere.device.cancel(PASSCODE, announced, alice.authority);
    expect(none).toEqual({ kind: 'unfinished', stands: [], refusals: [] });
    expect(everywhere.dropped()).toBe(3);
    const atOne = await through((url) => url.startsWith(urlOf(fleet, 0)));
    expect(await atOne.device.cancel(PASSCODE, announced, alice.authority)).toMatchObject({ kind: 'cancelled' });
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

describe('over HTTP', () => {
  const good = async () => ({ ...alice.raw.caller, request: await alice.raw.request() });
  const post = async (change: (body: Json) => Json | string | Uint8Array, headers: Record<string, string> = {}) =>
    alice.raw.post('/v1/status', change(await good()), headers);
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const method = async (name: string, path: string) => heardFrom(await fleet.fetch(`${urlOf(fleet)}${path}`, { method: name }));

  refused([
    ['a body over its bound', '413 too-large', () => post((body) => ({ ...body, x: 'x'.repeat(70_000) }))],
    ['a compressed body', '400 malformed', () => post((body) => gzipSync(JSON.stringify(body)), { 'content-encoding': 'gzip' })],
    ['another content type', '400 malformed', () => post((body) => body, { 'content-type': 'text/plain' })],
    ['another character set', '400 malformed', () => post((body) => body, { 'content-type': 'application/json; charset=utf-7' })],
    ['half a body', '400 malformed', () => post((body) => JSON.stringify(body).slice(0, -20))],
    ['an unknown member', '400 malformed', () => post((body) => ({ ...body, admin: true }))],
    ['__proto__ as a member', '400 malformed', () => post((body) => JSON.stringify(body).replace('{', '{"__proto__":{"admin":true},'))],
    ['a member of another type', '400 malformed', () => post((body) => ({ ...body, way: 'passcode' }))],
    ['a list for a body', '400 malformed', () => post((body) => JSON.stringify([body]))],
    ['JSON thirty thousand levels deep', '400 malformed', () => post(() => deep(30_000))],
    [
      'a member twenty thousand levels deep',
      '400 malformed',
      () => post((body) => JSON.stringify(body).replace('{', `{"x":${deep(20_000)},`)),
    ],
    ['bytes in another spelling', '400 malformed', () => post((body) => ({ ...body, clientKey: `${body['clientKey']}=` }))],
    ['headers of 20 kB', '431', () => post((body) => body, { 'x-large': 'x'.repeat(20_000) })],
    ['an unknown route', '404 not-found', () => alice.raw.post('/v1/unlock', {})],
    ['an unknown method', '404 not-found', () => method('GET', '/v1/status')],
    ['a peer’s route', '404 not-found', () => alice.raw.post('/peer/v1/ask', {})],
    ['a peer’s teaching', '404 not-found', () => alice.raw.post('/peer/v1/teach', { proof: { standing: standingOf(alice) } })],
    ['the numbers', '404 not-found', () => method('GET', '/metrics')],
  ]);

  /** @returns how long the node kept the connection */
  async function held(write: (socket: TLSSocket) => void): Promise<number> {
    const socket = await dial();
    const began = Date.now();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    write(socket);
    await closed;
    return Date.now() - began;
  }
  const boundMs = LIMITS.requestLimitMs + 2500;

  it('a body that trickles in is cut off when its time is up', async () => {
    const body = JSON.stringify(await good());
    const start = `POST /v1/status HTTP/1.1\r\nhost: node\r\nauthorization: Bearer ${alice.raw.pass}\r\ncontent-type: application/json\r\n`;
    let trickle: NodeJS.Timeout | undefined;
    const ms = await held((socket) => {
      socket.write(`${start}content-length: ${body.length}\r\n\r\n`);
      let at = 0;
      trickle = setInterval(() => socket.write(body[at++] ?? ''), 50);
    });
    clearInterval(trickle);
    expect(ms).toBeGreaterThan(LIMITS.requestLimitMs - 200);
    expect(ms).toBeLessThan(boundMs);
  });

  it('so are headers that trickle in, and a connection that says nothing', async () => {
    let trickle: NodeJS.Timeout | undefined;
    const ms = await held((socket) => {
      socket.write('POST /v1/status HTTP/1.1\r\n');
      trickle = setInterval(() => socket.write('x: y\r\n'), 50);
    });
    clearInterval(trickle);
    expect(ms).toBeLessThan(boundMs);
    expect(await held(() => undefined)).toBeLessThan(boundMs);
  });

  it('a TCP connection without a TLS handshake is cut off too', async () => {
    const { port } = new URL(urlOf(fleet));
    const socket = createConnection({ port: Number(port), host: '127.0.0.1' });
    const began = Date.now();
    await new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
    expect(Date.now() - began).toBeLessThan(boundMs);
  });

  it('no more connections than configured are held, and when they are gone people are served', async () => {
    const dialled = await Promise.all(Array.from({ length: 80 }, () => dial().catch(() => undefined)));
    const open = dialled.filter((socket) => socket !== undefined && !socket.destroyed);
    expect(open.length).toBeGreaterThan(20);
    expect(open.length).toBeLessThanOrEqual(LIMITS.connectionsMax);
    await sleep(boundMs);
    for (const socket of open) socket?.destroy();
    expect(verdict(await alice.raw.ask('status', { request: await alice.raw.request() }))).toBe('said by 3');
  });
});

const ca = () => readFileSync(fleet.profile.caFile, 'utf8');

function dial(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port } = new URL(urlOf(fleet));
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), ca: ca(), ...options }, () => resolve(socket));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}

describe('the peer listener', () => {
  const spoken = (own: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const { port } = fleet.config('node-1')['peer'] as { port: number };
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...own });
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
      socket.write(
        'POST /peer/v1/changes HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 23\r\n\r\n{"after":0,"limit":200}',
      );
    });

  it('says nothing without a TLS certificate', async () => {
    expect(await spoken({})).toBe('');
  });
  it('says nothing to a node of another fleet', async () => {
    const stranger = newFleet().nodes[0] ?? expect.fail('no node');
    expect(await spoken((await credentialsOf(stranger)).current())).toBe('');
  });
  it('says nothing to who claims to be a node of this fleet under a key of its own', async () => {
    const stranger = newFleet().nodes[0] ?? expect.fail('no node');
    const id = members().nodes[1]?.id as Id;
    expect(await spoken((await credentialsOf({ ...stranger, id })).current())).toBe('');
  });
});

describe('what is written down', () => {
  it('holds no pass, no passcode, no key and nothing that a client made by chance', () => {
    const traces = [1, 2, 3].map((node) => readFileSync(join(fleet.folder, `node-${node}`, 'trace.log'), 'utf8'));
    for (const expected of ['"path":"/v1/attempt"', '"code":"not-signed"']) expect(traces.join('')).toContain(expected);
    const pins = [1, 2, 3].map((node) => readFileSync(join(fleet.folder, `node-${node}`, 'pin'), 'utf8').trim());
    const spellings = (bytes: Uint8Array) => [
      toHex(bytes),
      toBase64url(bytes),
      Buffer.from(bytes).toString('base64'),
      [...bytes].join(','),
    ];
    const secrets = [
      PIN,
      '60417733218905',
      ...pins,
      ...[alice.raw, bob.raw, mallory].flatMap(({ pass }) => [pass, pass.split('.')[2] ?? '', pass.split('.')[1] ?? '']),
      ...made.flatMap(spellings),
      ...[alice, bob].flatMap(({ authority }) => spellings(authority.opened.secret)),
    ];
    expect(made.length).toBeGreaterThan(20);
    expect(Raw.heard.length).toBeGreaterThan(100);
    const written = [...traces, Raw.heard.filter((text) => text.startsWith('{"error"')).join('\n')].join('\n');
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10);
      expect(written.includes(secret)).toBe(false);
    }
  });

  it('tells of no bug: no refusal above was an accident', () => {
    const traces = [1, 2, 3].map((node) => readFileSync(join(fleet.folder, `node-${node}`, 'trace.log'), 'utf8'));
    for (const trace of traces) expect(trace).not.toMatch(/"code":"alarm"|"level":50/);
    expect(Raw.heard.join('\n')).not.toContain('"code":"alarm"');
  });
});
