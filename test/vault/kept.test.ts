/** What is kept under the backup key opens with that key, for that registration, and otherwise not at all. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Id, toHex } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { KEPT_BYTES, type KeptFor, openKept, sealKept } from '../../src/vault/kept.ts';

const random = (length: number) => new Uint8Array(randomBytes(length));
const backupKey = new Secret(random(32));
const registration: KeptFor = { slot: toHex(random(32)) as Id, unlockKey: random(33), salt: random(16), secret: random(80) };
const keys = { oprfKey: new Secret(random(32)), unlock: new Secret(random(32)) };
const kept = sealKept(backupKey, registration, keys, random);

test('opens with the backup key to the OPRF key and the unlock key', () => {
  const opened = openKept(backupKey, registration, kept);
  expect(kept).toHaveLength(KEPT_BYTES);
  expect(opened?.oprfKey.reveal()).toEqual(keys.oprfKey.reveal());
  expect(opened?.unlock.reveal()).toEqual(keys.unlock.reveal());
});

test('opens with no other backup key', () => {
  expect(openKept(new Secret(random(32)), registration, kept)).toBeUndefined();
});

test.each(['slot', 'unlockKey', 'salt', 'secret'] as const)('does not open in a registration with another %s', (part) => {
  const other = part === 'slot' ? (toHex(random(32)) as Id) : random(registration[part].length);
  expect(openKept(backupKey, { ...registration, [part]: other }, kept)).toBeUndefined();
});

test('does not open with a byte changed, lost or added', () => {
  fc.assert(
    fc.property(fc.nat(KEPT_BYTES - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = kept.map((byte, i) => (i === at ? byte ^ difference : byte));
      expect(openKept(backupKey, registration, changed)).toBeUndefined();
    }),
  );
  expect(openKept(backupKey, registration, kept.subarray(1))).toBeUndefined();
  expect(openKept(backupKey, registration, Uint8Array.of(...kept, 0))).toBeUndefined();
});

test('is other bytes each time it is made', () => {
  expect(sealKept(backupKey, registration, keys, random)).not.toEqual(kept);
});
