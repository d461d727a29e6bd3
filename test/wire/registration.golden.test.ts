/** The registration and the ids, byte for byte; the ids are computed here a second time from the drawing in the docs. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { concatBytes, idToBytes, toHex, utf8 } from '../../src/base/bytes.ts';
import type { FleetNode } from '../../src/fleet/fleet.ts';
import { coreOf, parseRegistration, shareContext } from '../../src/vault/registration.ts';
import { accountId, slotId } from '../../src/vault/slot.ts';
import { ACCOUNT, FLEET, KEYS, PLACES, pointOf, REGISTRATION, TOMBSTONE } from './fixtures.ts';
import { Cutter, expectGolden } from './golden.ts';

const sha256 = (...parts: Uint8Array[]) =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest('hex');
const counted = (text: string, width: 1 | 2 = 2) => {
  const bytes = utf8(text);
  return concatBytes(width === 1 ? Uint8Array.of(bytes.length) : Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);
};
const SUITE = Uint8Array.of(0, 1);

function cutRegistration(bytes: Uint8Array, shares: 'whole' | 'none'): readonly string[] {
  const cut = new Cutter(bytes);
  cut.take('core, length', 2);
  cut.takeCounted('domain', 1);
  cut.take('suite', 2);
  cut.take('fleet', 32);
  cut.takeCounted('tenant', 2);
  cut.take('account', 32);
  cut.take('way, kind', 1);
  cut.takeCounted('way, name', 2);
  cut.take('generation', 4);
  cut.take('tombstone', 1);
  cut.take('unlockKey', 33);
  cut.takeCounted('ownerKey', 2);
  for (const name of ['guesses', 'coolingOffSeconds', 'graceSeconds']) cut.take(name, 4);
  cut.take('kdf', 1);
  cut.take('memoryKiB', 4);
  cut.take('passes', 4);
  cut.take('parallelism', 1);
  cut.takeCounted('salt', 2);
  const [count = 0] = cut.take('public shares', 1);
  for (let i = 1; i <= count; i += 1) cut.take(`K_${i}`, 33);
  cut.takeCounted('secret', 2);
  cut.takeCounted('kept', 2);
  cut.takeCounted('credential', 2);
  for (let i = 1; shares === 'whole' && i <= 3; i += 1) {
    const [whole] = cut.take(`share ${i}, whole`, 1);
    if (whole === 0) cut.take('hash', 32);
    else {
      cut.take('ephemeralKey', 33);
      cut.take('wrapped', 152);
    }
  }
  return cut.end().lines;
}

describe('registrations', () => {
  test('a registration, and the digest that is voted for', () => {
    const registration = parseRegistration(REGISTRATION, FLEET);
    const core = createHash('sha256').update(coreOf(registration)).digest();
    const shares = registration.shares.map((share) =>
      'hash' in share ? idToBytes(share.hash) : createHash('sha256').update(concatBytes(share.ephemeralKey, share.wrapped)).digest(),
    );
    expect(registration.digest).toBe(sha256(counted('holdfast/v1/registration-digest', 1), core, ...shares));
    expectGolden(import.meta.url, 'registration', [...cutRegistration(REGISTRATION, 'whole'), `# digest ${registration.digest}`]);
  });

  test('a tombstone', () => {
    const { digest } = parseRegistration(TOMBSTONE, FLEET);
    expectGolden(import.meta.url, 'tombstone', [...cutRegistration(TOMBSTONE, 'none'), `# digest ${digest}`]);
  });

  test('the context that seals a share', () => {
    const registration = parseRegistration(REGISTRATION, FLEET);
    const node = FLEET.nodes[0] as FleetNode;
    const core = coreOf(registration);
    const generation = Uint8Array.of(0, 0, 0, 3);
    const expected = sha256(
      ...[counted('holdfast/v1/share', 1), SUITE, idToBytes(FLEET.id), idToBytes(node.id), node.sealingKey, pointOf(0x51)],
      ...[idToBytes(registration.slot), generation, createHash('sha256').update(core).digest()],
    );
    expect(toHex(shareContext(FLEET, node, pointOf(0x51), core))).toBe(expected);
    expectGolden(import.meta.url, 'share-context', [`node 1           ${node.id}`, `context          ${expected}`]);
  });
});

describe('ids', () => {
  test('of the fleet and its nodes', () => {
    const nodes = KEYS.map(({ identityKey, sealingKey }) => concatBytes(Buffer.from(sha256(identityKey), 'hex'), identityKey, sealingKey));
    const expected = sha256(counted('holdfast/v1/fleet', 1), SUITE, counted('vault.example'), Uint8Array.of(3, 2, 2, 3), ...nodes);
    expect(FLEET.id).toBe(expected);
    expectGolden(import.meta.url, 'fleet-id', [
      'namespace        vault.example',
      'q, t             2, 2',
      ...FLEET.nodes.flatMap((node, i) => [
        `identity key ${i + 1}   ${toHex(node.identityKey)}`,
        `sealing key ${i + 1}    ${toHex(node.sealingKey)}`,
        `node id ${i + 1}        ${node.id}`,
      ]),
      `fleet id         ${FLEET.id}`,
    ]);
  });

  test('of an account', () => {
    const parts = ['vault.example', 'https://accounts.example', 'alice'] as const;
    expect(ACCOUNT).toBe(sha256(counted('holdfast/v1/account', 1), ...parts.map((part) => counted(part))));
    expectGolden(import.meta.url, 'account-id', [
      `namespace        ${parts[0]}`,
      `issuer           ${parts[1]}`,
      `subject          ${parts[2]}`,
      `account id       ${ACCOUNT}`,
    ]);
  });

  test('of each way in', () => {
    const kinds = ['passcode', 'recovery-code', 'passkey'];
    const ids = Object.entries(PLACES).map(([kind, place]) => {
      const name = concatBytes(Uint8Array.of(0, place.way.name.length), place.way.name);
      const way = concatBytes(Uint8Array.of(kinds.indexOf(kind)), name);
      expect(slotId(place)).toBe(sha256(counted('holdfast/v1/slot', 1), counted('example'), idToBytes(ACCOUNT), way));
      return `${kind.padEnd(16)} ${slotId(place)}`;
    });
    expectGolden(import.meta.url, 'slot-id', ['tenant           example', `account id       ${ACCOUNT}`, ...ids]);
  });

  test('of an account do not run into each other', () => {
    expect(accountId('a', 'bc', 'd')).not.toBe(accountId('ab', 'c', 'd'));
    expect(accountId('a', 'b', 'cd')).not.toBe(accountId('a', 'bc', 'd'));
  });
});
