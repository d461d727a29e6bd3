/** Law 5 for registrations: what parses is well-formed within its bounds, and its digest stands for every byte of it. */
import { describe, expect, test } from 'vitest';
import { type Id, toHex } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';
import { type Core, dropShares, encodeCore, encodeRegistration, parseRegistration, type Share } from '../../src/vault/registration.ts';
import { CORE, FLEET, KEYS, PLACES, pointOf, REGISTRATION, SHARES, TOMBSTONE, TOMBSTONE_CORE } from './fixtures.ts';

const refused = (code: string) => expect.objectContaining({ name: 'HoldfastError', code });
const encoded = (changes: Partial<Core>, shares = SHARES) => encodeRegistration(encodeCore({ ...CORE, ...changes }), shares);

/** The digest, or undefined when it does not parse. */
function digestOf(bytes: Uint8Array): Id | undefined {
  try {
    return parseRegistration(bytes, FLEET).digest;
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

describe('the digest stands for every byte', () => {
  test.each([
    ['a registration', REGISTRATION],
    ['a tombstone', TOMBSTONE],
  ])('%s: with any byte changed it is refused or another', (_, bytes) => {
    const whole = digestOf(bytes);
    expect(whole).toBeDefined();
    let parsed = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const digest = digestOf(changed);
      expect(digest, `byte ${at}`).not.toBe(whole);
      if (digest !== undefined) parsed += 1;
    }
    // Most bytes are keys, shares and secret, which no parser can refuse: the test would be empty if none parsed.
    expect(parsed).toBeGreaterThan(30);
  });

  test('truncated at any length, or extended, it is refused', () => {
    for (let length = 0; length < REGISTRATION.length; length += 1) expect(digestOf(REGISTRATION.slice(0, length))).toBeUndefined();
    expect(digestOf(Uint8Array.of(...REGISTRATION, 0))).toBeUndefined();
  });

  test('dropping shares keeps it, and the bytes that are left say the same', () => {
    const whole = parseRegistration(REGISTRATION, FLEET);
    for (const keep of [undefined, 0, 2]) {
      const dropped = dropShares(whole, FLEET, keep);
      expect(dropped.digest).toBe(whole.digest);
      expect(dropped.shares.map((share) => 'hash' in share)).toEqual([keep !== 0, true, keep !== 2]);
      expect(dropped.core).toEqual(whole.core);
    }
  });

  test('one share moved to another node is another registration', () => {
    expect(digestOf(encoded({}, [...SHARES].reverse()))).not.toBe(digestOf(REGISTRATION));
  });
});

describe('bounds', () => {
  const { policy, kdf } = CORE;
  test.each<[string, Partial<Core>]>([
    ['generation 0', { generation: 0 }],
    ['no guesses', { policy: { ...policy, guesses: 0 } }],
    ['eleven guesses at a passcode', { policy: { ...policy, guesses: 11 } }],
    ['a cooling-off beyond a year', { policy: { ...policy, coolingOffSeconds: 365 * 86_400 + 1 } }],
    ['a grace beyond a year', { policy: { ...policy, graceSeconds: 365 * 86_400 + 1 } }],
    ['a passcode that nothing hardens', { kdf: { ...kdf, kind: 'none' } }],
    ['too few public shares', { publicShares: [pointOf(1), pointOf(2)] }],
    ['too many public shares', { publicShares: [pointOf(1), pointOf(2), pointOf(3), pointOf(4)] }],
  ])('%s is refused', (_, changes) => {
    expect(() => parseRegistration(encoded(changes), FLEET)).toThrow(refused('malformed'));
  });

  test('a recovery code needs no hardening function and may have any number of guesses', () => {
    const place = PLACES['recovery-code'] as Core['place'];
    const bytes = encoded({ place, kdf: { ...kdf, kind: 'none' }, policy: { ...policy, guesses: 0x7fff_ffff } });
    expect(parseRegistration(bytes, FLEET).core.policy.guesses).toBe(0x7fff_ffff);
    expect(() => parseRegistration(encoded({ place, policy: { ...policy, guesses: 0x8000_0000 } }), FLEET)).toThrow(refused('malformed'));
  });

  test('secret, credential and salt keep their sizes', () => {
    expect(() => encoded({ secret: new Uint8Array(129) })).toThrow(refused('too-large'));
    expect(() => encoded({ credential: new Uint8Array(1025) })).toThrow(refused('too-large'));
    expect(() => encoded({ kdf: { ...kdf, salt: new Uint8Array(33) } })).toThrow(refused('too-large'));
  });

  test('a share is missing, or one too many', () => {
    expect(() => parseRegistration(encoded({}, SHARES.slice(1)), FLEET)).toThrow(refused('malformed'));
    expect(() => parseRegistration(encoded({}, [...SHARES, ...SHARES]), FLEET)).toThrow(refused('malformed'));
  });

  test('a tombstone holds neither secret nor shares', () => {
    const tombstone = (changes: Partial<Core>, shares: readonly Share[] = []) =>
      encodeRegistration(encodeCore({ ...TOMBSTONE_CORE, ...changes }), shares);
    expect(toHex(tombstone({}))).toBe(toHex(TOMBSTONE));
    expect(() => parseRegistration(tombstone({ secret: Uint8Array.of(1) }), FLEET)).toThrow(refused('malformed'));
    expect(() => parseRegistration(tombstone({ publicShares: CORE.publicShares }), FLEET)).toThrow(refused('malformed'));
    expect(() => parseRegistration(tombstone({}, SHARES), FLEET)).toThrow(refused('malformed'));
  });

  test('another fleet, another namespace or another order of nodes is another fleet', () => {
    const others = [
      makeFleet('vault.example.org', 2, 2, KEYS),
      makeFleet('vault.example', 3, 3, KEYS),
      makeFleet('vault.example', 2, 2, [...KEYS].reverse()),
    ];
    for (const other of others) expect(() => parseRegistration(REGISTRATION, other)).toThrow(refused('wrong-fleet'));
  });
});
