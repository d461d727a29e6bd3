import { createCipheriv, createDecipheriv, createECDH } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { blind, evaluate, finalize } from '../../src/oprf/oprf.ts';
import { checkPublicShares, combineElements } from '../../src/oprf/sharing.ts';
import { deal, sealAll } from '../../src/vault/deal.ts';
import { normalisePasscode } from '../../src/vault/passcode.ts';
import { publicKeyOf } from '../../src/vault/unlock.ts';

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const malformed = expect.objectContaining({ code: 'malformed' });

function nodes(n: number) {
  const ecdh = Array.from({ length: n }, () => createECDH('prime256v1'));
  for (const key of ecdh) key.generateKeys();
  return { ecdh, sealingKeys: ecdh.map((key) => Uint8Array.from(key.getPublicKey(null, 'compressed'))) };
}

test.for([
  [2, 3],
  [3, 5],
  [4, 7],
] as const)('%i of %i nodes that opened their shares give the output that the dealer computed alone', ([t, n]) => {
  const { ecdh, sealingKeys } = nodes(n);
  const dealt = deal(t, sealingKeys, systemRandom);
  checkPublicShares(dealt.publicShares, t);
  const contextOf = (position: number, ephemeralKey: Uint8Array) => ephemeralKey.slice(1).fill(position, 0, 1);
  const sealed = sealAll(dealt, contextOf, systemRandom);

  const opened = sealed.map(({ ephemeralKey, wrapped }, i) => {
    const shared = (ecdh[i] as (typeof ecdh)[number]).computeSecret(ephemeralKey);
    const kek = createCipheriv('aes-256-cbc', shared, Buffer.alloc(16)).setAutoPadding(false).update(contextOf(i, ephemeralKey));
    const unwrap = createDecipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'));
    return new Secret(new Uint8Array(Buffer.concat([unwrap.update(wrapped), unwrap.final()]).subarray(36, 68)));
  });
  expect(opened.map(publicKeyOf).map(hex)).toEqual(dealt.publicShares.map(hex));

  const passcode = normalisePasscode('123456');
  const outputOf = (evaluateAll: (element: Uint8Array) => Uint8Array) => {
    const blinded = blind(passcode, systemRandom);
    return hex(finalize(passcode, blinded.blind, evaluateAll(blinded.element)).reveal());
  };
  const alone = outputOf((element) => evaluate(dealt.key, element));
  const together = outputOf((element) => {
    const pieces = opened.slice(-t).map((share, i) => ({ index: n - t + i + 1, element: evaluate(share, element) }));
    return combineElements(pieces);
  });
  expect(together).toBe(alone);
});

test('each registration has its own key', () => {
  const { sealingKeys } = nodes(3);
  expect(hex(deal(2, sealingKeys, systemRandom).key.reveal())).not.toBe(hex(deal(2, sealingKeys, systemRandom).key.reveal()));
});

test('dealt keys and shares do not print', () => {
  const dealt = deal(2, nodes(3).sealingKeys, systemRandom);
  expect(JSON.stringify({ key: dealt.key, shares: dealt.shares })).toBe('{"key":"[secret]","shares":["[secret]","[secret]","[secret]"]}');
});

test('one sealing key twice, a sealing key that is no point, and a threshold out of range are refused', () => {
  const { sealingKeys } = nodes(3);
  const [first, second] = sealingKeys as [Uint8Array, Uint8Array];
  expect(() => deal(2, [first, second, first], systemRandom)).toThrow(malformed);
  expect(() => deal(2, [first, second, new Uint8Array(33)], systemRandom)).toThrow(malformed);
  expect(() => deal(4, sealingKeys, systemRandom)).toThrow(malformed);
  expect(() => deal(0, sealingKeys, systemRandom)).toThrow(malformed);
});
