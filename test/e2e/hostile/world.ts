/**
 * Three nodes, two people with deposits and a stranger, for the tests of hostile input: whatever is not in order is refused with
 * its code, changes nothing, and no secret is traced (law 5).
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Id } from '../../../src/base/bytes.ts';
import { systemRandom } from '../../../src/base/ports.ts';
import { normalisePasscode, PASSCODE, Secret, type VaultClient } from '../../../src/client/index.ts';
import { activeFleet } from '../../../src/fleet/entry.ts';
import type { Authority } from '../../../src/quorum/client/deposit.ts';
import type { Registration } from '../../../src/vault/registration.ts';
import type { Sign } from '../../../src/wire/signed.ts';
import { type Config, QUICK, TestFleet } from '../fleet.ts';
import { type Exchange, type Json, overheard, Raw, type Spelled, verdict } from '../raw.ts';

/** Small enough to reach in a test. */
export const LIMITS = { requestLimitMs: 1500, connectionsMax: 40, connectionsPerAddressMax: 30 };
export const PEER_LIMITS = { handshakeLimitMs: 1500, requestLimitMs: 1500, strangersPerAddressMax: 30, connectionsMax: 128 };

export const PINS = { right: '83120465917264', wrong: '60417733218905' };
export const RIGHT = normalisePasscode(PINS.right);
export const WRONG = normalisePasscode(PINS.wrong);

/** All that a client of ours made by chance, with what it deposited: blinds, shares, keys. */
export const made: Uint8Array[] = [];
export const random = (length: number): Uint8Array => {
  const bytes = systemRandom(length);
  if (length >= 16) made.push(bytes);
  return bytes;
};

export interface Account {
  readonly raw: Raw;
  readonly exchanges: readonly Exchange[];
  readonly registration: Registration;
  /** Signs with the unlock key. */
  readonly unlock: Sign;
  readonly authority: Authority;
}

export let fleet: TestFleet;
/** Whose slot must not change: three guesses, of which the second was right. */
export let alice: Account;
export let bob: Account;
/** Has a login, and nothing deposited. */
export let mallory: Raw;
let observer: VaultClient;

/** The fleet and the people of one test file; at its end, what was written down is looked at (written.ts). */
export function stage(): void {
  beforeAll(async () => {
    fleet = await TestFleet.up(3, configure);
    alice = await deposit('alice', [WRONG, RIGHT, WRONG]);
    bob = await deposit('bob', [RIGHT]);
    mallory = await Raw.of(fleet, 'mallory');
    observer = await fleet.device('alice');
  }, 180_000);
  afterAll(() => fleet?.down(), 60_000);
}

function configure(name: string, config: Config): Config {
  if (name === 'accounts') return config;
  // All three are waited for, however slow: what is expected below is every node's word.
  const timing = { ...(config['timing'] as Config), answerLingerMs: 10_000, recordLingerMs: 10_000 };
  const clients = { ...(config['public'] as Config), ...LIMITS };
  const peer = { ...(config['peer'] as Config), ...PEER_LIMITS };
  return { ...config, public: clients, peer, timing, trace: { level: 'debug' } };
}

export const members = () => activeFleet(fleet.entry, { allowSimulated: true }).fleet;

export async function deposit(user: string, guesses: readonly Secret<Uint8Array>[]): Promise<Account> {
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
export async function standing() {
  const { reports, registration } = await observer.status(PASSCODE);
  const of = reports.map((report) => ({ ...report, nonce: undefined, as: undefined })).sort((a, b) => (a.signer < b.signer ? -1 : 1));
  expect(of).toHaveLength(3);
  return { of, digest: registration?.digest };
}

type Make = () => Promise<{ readonly http: number; readonly text: string; readonly json: Json }>;
type Row = readonly [what: string, heard: string, make: Make];

/** Each row is refused with just this, and alice's slot stands as before. */
export function refused(rows: readonly Row[]): void {
  it.each(rows)('%s: %s', async (_, heard, make) => {
    const before = await standing();
    expect(verdict(await make())).toBe(heard);
    expect(await standing()).toEqual(before);
  });
}

export const asked = (account: Account, operation: string, index = 0): Json => {
  const found = account.exchanges.filter((one) => one.operation === operation)[index];
  return found?.asked ?? expect.fail(`no ${operation} was overheard`);
};
export const votesOf = (account: Account, attempt: number): readonly Spelled[] => {
  const found = account.exchanges.filter((one) => one.operation === 'attempt')[attempt - 1];
  return (found?.answered['votes'] as Spelled[] | undefined) ?? expect.fail('no such attempt');
};
export const standingOf = (account: Account) =>
  asked(account, 'activate')['standing'] as { registration: string; votes: readonly Spelled[]; activation: Spelled };
export const head = ({ registration: { slot, generation, digest } }: Account) => ({ slot, generation, digest });

export const OTHER_FLEET = 'ab'.repeat(32) as Id;
export const otherId = 'cd'.repeat(32) as Id;
