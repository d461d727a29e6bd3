/** A fleet of three, and registrations in it, with nothing random: the points are not on the curve, no format looks. */
import { utf8 } from '../../src/base/bytes.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';
import { type Core, encodeCore, encodeRegistration, type Share } from '../../src/vault/registration.ts';
import { accountId, PASSCODE, type Place, RECOVERY_CODE } from '../../src/vault/slot.ts';
import { SUITE } from '../../src/wire/message.ts';

export const pointOf = (byte: number) => Uint8Array.of(2, ...new Uint8Array(32).fill(byte));

export const KEYS = [1, 2, 3].map((i) => ({ identityKey: pointOf(0x10 + i), sealingKey: pointOf(0x20 + i) }));
export const FLEET = makeFleet('vault.example', 2, 2, KEYS);

export const ACCOUNT = accountId('vault.example', 'https://accounts.example', 'alice');
export const PLACES: Record<string, Place> = {
  passcode: { tenant: 'example', account: ACCOUNT, way: PASSCODE },
  'recovery-code': { tenant: 'example', account: ACCOUNT, way: RECOVERY_CODE },
  passkey: { tenant: 'example', account: ACCOUNT, way: { kind: 'passkey', name: new Uint8Array(32).fill(0xcc) } },
};

export const CORE: Core = {
  suite: SUITE,
  fleet: FLEET.id,
  place: PLACES['passcode'] as Place,
  generation: 3,
  tombstone: false,
  unlockKey: pointOf(0x30),
  ownerKey: pointOf(0x31),
  policy: { guesses: 10, coolingOffSeconds: 86_400, graceSeconds: 2_592_000 },
  kdf: { kind: 'argon2id', memoryKiB: 65_536, passes: 3, parallelism: 1, salt: new Uint8Array(16).fill(0x5a) },
  publicShares: [1, 2, 3].map((i) => pointOf(0x40 + i)),
  secret: new Uint8Array(80).fill(0x60),
  kept: new Uint8Array(96).fill(0x62),
  credential: utf8(''),
};

/** The middle one dropped to its hash. */
export const SHARES: readonly Share[] = [
  { ephemeralKey: pointOf(0x51), wrapped: new Uint8Array(152).fill(0x61) },
  { hash: ACCOUNT },
  { ephemeralKey: pointOf(0x53), wrapped: new Uint8Array(152).fill(0x63) },
];

export const REGISTRATION = encodeRegistration(encodeCore(CORE), SHARES);

const { policy, kdf } = CORE;
export const TOMBSTONE_CORE: Core = {
  ...CORE,
  generation: 4,
  tombstone: true,
  policy,
  kdf: { ...kdf, kind: 'none', memoryKiB: 0, passes: 0, parallelism: 0, salt: utf8('') },
  publicShares: [],
  secret: utf8(''),
  ownerKey: utf8(''),
  kept: utf8(''),
};
export const TOMBSTONE = encodeRegistration(encodeCore(TOMBSTONE_CORE), []);
