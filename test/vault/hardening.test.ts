import { argon2Sync, createECDH, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { scalarFromSeed } from '../../src/oprf/scalar.ts';
import { type Argon2id, harden } from '../../src/vault/hardening.ts';
import { checkKdfParameters, DEFAULT_KDF, KDF_MAX, KDF_MIN, type KdfParameters } from '../../src/vault/kdf.ts';

const hex = (data: ArrayBuffer | Uint8Array) => Buffer.from(data as Uint8Array).toString('hex');
const output = new Secret(new Uint8Array(32).fill(1));
const salt = new Uint8Array(16).fill(2);
const NONE: KdfParameters = { kind: 'none' };
const malformed = expect.objectContaining({ code: 'malformed' });

const argon2idOfNode: Argon2id = (message, nonce, { memoryKiB, passes, parallelism }) =>
  argon2Sync('argon2id', { message, nonce, parallelism, tagLength: 32, memory: memoryKiB, passes });

test('the keys are HKDF of Argon2id of the OPRF output, each under its own name', async () => {
  const keys = await harden(output, salt, KDF_MIN);
  const hardened = argon2Sync('argon2id', {
    message: output.reveal(),
    nonce: salt,
    parallelism: 1,
    tagLength: 32,
    memory: 8192,
    passes: 1,
  });
  const derived = (name: string, length: number) => hkdfSync('sha256', hardened, salt, `holdfast/v1/${name}`, length);
  expect(hex(keys.encryptionKey.reveal())).toBe(hex(derived('encryption', 32)));
  expect(hex(keys.commitment)).toBe(hex(derived('commitment', 32)));
  const scalar = scalarFromSeed(new Uint8Array(derived('unlock', 48)));
  expect(BigInt(`0x${hex(keys.unlock.scalar.reveal())}`)).toBe(scalar);
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(keys.unlock.scalar.reveal());
  expect(hex(keys.unlock.publicKey)).toBe(ecdh.getPublicKey('hex', 'compressed'));
});

test('a faster Argon2id in its place gives the same keys, lanes included', async () => {
  const parameters: KdfParameters = { ...KDF_MIN, passes: 2, parallelism: 4 };
  expect(hex((await harden(output, salt, parameters, argon2idOfNode)).commitment)).toBe(
    hex((await harden(output, salt, parameters)).commitment),
  );
});

test('without Argon2id the keys are HKDF of the OPRF output', async () => {
  const keys = await harden(output, salt, NONE, () => expect.unreachable());
  expect(hex(keys.commitment)).toBe(hex(hkdfSync('sha256', output.reveal(), salt, 'holdfast/v1/commitment', 32)));
});

test('another output, salt or parameter gives other keys, all of them', async () => {
  const all = async (...parameters: Parameters<typeof harden>) => {
    const { encryptionKey, commitment, unlock } = await harden(...parameters);
    return [encryptionKey.reveal(), commitment, unlock.scalar.reveal(), unlock.publicKey].map(hex);
  };
  const variants = [
    await all(output, salt, NONE),
    await all(new Secret(new Uint8Array(32).fill(3)), salt, NONE),
    await all(output, new Uint8Array(16).fill(3), NONE),
    await all(output, salt, KDF_MIN, argon2idOfNode),
    await all(output, salt, { ...KDF_MIN, passes: 2 }, argon2idOfNode),
    await all(output, salt, { ...KDF_MIN, memoryKiB: KDF_MIN.memoryKiB + 1024 }, argon2idOfNode),
    await all(output, salt, { ...KDF_MIN, parallelism: 2 }, argon2idOfNode),
  ];
  expect(new Set(variants.flat()).size).toBe(variants.flat().length);
});

test('parameters below the minimum, above the maximum or not whole are refused before any work is done', async () => {
  for (const bound of [KDF_MIN, KDF_MAX, DEFAULT_KDF, NONE]) checkKdfParameters(bound);
  const names = fc.constantFrom('memoryKiB' as const, 'passes' as const, 'parallelism' as const);
  fc.assert(
    fc.property(names, fc.oneof(fc.integer(), fc.double(), fc.constant(Number.NaN)), (name, value) => {
      const inside = Number.isInteger(value) && value >= KDF_MIN[name] && value <= KDF_MAX[name];
      const run = () => checkKdfParameters({ ...DEFAULT_KDF, [name]: value });
      if (inside) run();
      else expect(run).toThrow(malformed);
    }),
  );
  for (const name of ['memoryKiB', 'passes', 'parallelism'] as const) {
    expect(() => checkKdfParameters({ ...KDF_MIN, [name]: KDF_MIN[name] - 1 })).toThrow(malformed);
    expect(() => checkKdfParameters({ ...KDF_MAX, [name]: KDF_MAX[name] + 1 })).toThrow(malformed);
  }
  await expect(harden(output, salt, { ...KDF_MAX, memoryKiB: 2 ** 30 }, () => expect.unreachable())).rejects.toThrow(malformed);
  await expect(harden(output, salt.subarray(1), NONE)).rejects.toThrow(malformed);
});
