/** Shares opened and used inside a real token: every way in which one may not fit. */
import { createCipheriv, createECDH, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import * as curve from '../../src/oprf/point.ts';
import { encodeScalar, ORDER, randomScalar } from '../../src/oprf/scalar.ts';
import { createNodeKeys, openToken, type Token } from '../../src/token/index.ts';
import { type SealedShare, sealShare } from '../../src/vault/seal.ts';
import { makeSoftHsm } from './softhsm.ts';

const hsm = makeSoftHsm(['node']);
let token: Token;

beforeAll(async () => {
  createNodeKeys(hsm.config('node'));
  token = await openToken(hsm.config('node'));
});

afterAll(async () => {
  await token?.close();
  hsm.remove();
});

const context = new Uint8Array(32).fill(7);
const times = (scalar: bigint, point = curve.GENERATOR) => curve.multiply(point, scalar);
const random = () => randomScalar(systemRandom);

function seal(scalar: bigint) {
  const share = new Secret(encodeScalar(scalar));
  const sealed = sealShare({ share, sealingKey: token.sealingKey, context: () => context, random: systemRandom });
  return { sealed, publicShare: curve.encodePoint(times(scalar)) };
}

/** The client's side of sealing with node:crypto, for contents and ephemeral keys that no honest client makes. */
function sealBytes(plain: Uint8Array, ephemeral = random()) {
  const key = createECDH('prime256v1');
  key.setPrivateKey(encodeScalar(ephemeral));
  const expand = createCipheriv('aes-256-cbc', key.computeSecret(token.sealingKey), Buffer.alloc(16)).setAutoPadding(false);
  const wrap = createCipheriv('id-aes256-wrap-pad', expand.update(context), Buffer.from('a65959a6', 'hex'));
  return { ephemeralKey: curve.encodePoint(times(ephemeral)), wrapped: new Uint8Array(concatBytes(wrap.update(plain), wrap.final())) };
}

const pkcs8Of = (scalar: bigint) => {
  const raw = curve.encodeUncompressed(times(scalar));
  const [d, x, y] = [encodeScalar(scalar), raw.subarray(1, 33), raw.subarray(33)].map((part) => Buffer.from(part).toString('base64url'));
  const jwk = { kty: 'EC', crv: 'P-256', d: d!, x: x!, y: y! };
  return new Uint8Array(createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'der' }));
};

async function gives(k: bigint, sealed: SealedShare, element: curve.Point, check: curve.Point): Promise<void> {
  const result = await token.evaluate(sealed, context, concatBytes(curve.encodePoint(element), curve.encodePoint(check)));
  const expected = [element, check].map((point) => curve.xCoordinate(times(k, point)));
  expect(toHex(result)).toBe(toHex(concatBytes(...expected)));
}

describe('evaluating', () => {
  it("gives the x of k*B and of k*B'", async () => {
    const k = random();
    const { sealed } = seal(k);
    for (let i = 0; i < 50; i += 1) await gives(k, sealed, times(random()), times(random()));
  });

  it('handles elements and results that meet K or G, and shares that are 1 or -1', async () => {
    for (const k of [random(), 1n, ORDER - 1n, 2n]) {
      const { sealed } = seal(k);
      const K = times(k);
      for (const element of [K, curve.negate(K), curve.GENERATOR, curve.negate(curve.GENERATOR), times(2n)])
        await gives(k, sealed, element, element);
    }
  });

  it('refuses the identity, points off the curve, coordinates not below p and other forms, before they reach the token', async () => {
    const { sealed, publicShare } = seal(random());
    const good = curve.encodePoint(times(random()));
    const offCurve = new Uint8Array(33).with(0, 2).with(32, 1);
    expect(() => curve.decodePoint(offCurve)).toThrow();
    const tooLarge = Uint8Array.of(2, ...new Uint8Array(32).fill(0xff));
    const uncompressed = curve.encodeUncompressed(curve.GENERATOR);
    const hybrid = Uint8Array.from(uncompressed).with(0, 6);
    for (const element of [new Uint8Array(1), new Uint8Array(33), offCurve, tooLarge, uncompressed, hybrid]) {
      const padded = element.length === 33 ? element : concatBytes(element, new Uint8Array(66)).subarray(0, 33);
      for (const pair of [concatBytes(padded, good), concatBytes(good, padded)])
        await expect(token.evaluate(sealed, context, pair)).rejects.toMatchObject({ code: 'malformed' });
      await expect(token.evaluate({ ...sealed, ephemeralKey: element }, context, concatBytes(good, good))).rejects.toMatchObject({
        code: 'malformed',
      });
      expect(await token.open({ ...sealed, ephemeralKey: element }, context, publicShare)).toBe(false);
      expect(await token.open(sealed, context, element)).toBe(false);
    }
  });

  it('keeps leading zeros of x: in the result, in the check, and in the key agreement', async () => {
    const k = random();
    const { publicShare } = seal(k);
    const zeroX = (point: curve.Point) => curve.xCoordinate(point)[0] === 0;
    /** Steps through the multiples of G, which is far cheaper than fresh ones. */
    const search = (fits: (scalar: bigint, point: curve.Point) => boolean): bigint => {
      let scalar = random();
      for (let point = times(scalar); !fits(scalar, point); scalar += 1n) point = curve.add(point, curve.GENERATOR);
      return scalar;
    };
    const found = search((_, point) => zeroX(point));
    const exact = [found - 1n, found, found + 1n].find((scalar) => zeroX(times(scalar))) as bigint;
    const inverse = (scalar: bigint) => {
      let [a, b, x, y] = [scalar, ORDER, 1n, 0n];
      while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
      return ((x % ORDER) + ORDER) % ORDER;
    };
    // k * B, or k * B', is the point with the zero; and the shared secret of the sealing has one.
    const zero = times((exact * inverse(k)) % ORDER);
    let ephemeral = 0n;
    while (ephemeral === 0n) {
      const candidate = random();
      const key = createECDH('prime256v1');
      key.setPrivateKey(encodeScalar(candidate));
      if (key.computeSecret(token.sealingKey)[0] === 0) ephemeral = candidate;
    }
    const sealed = sealBytes(pkcs8Of(k), ephemeral);
    expect(await token.open(sealed, context, publicShare)).toBe(true);
    await gives(k, sealed, zero, times(5n));
    await gives(k, sealed, times(5n), zero);
  });
});

describe('a sealed share opens only as a P-256 private key', () => {
  it('agrees with the sealing of node:crypto', async () => {
    const k = random();
    expect(await token.open(sealBytes(pkcs8Of(k)), context, curve.encodePoint(times(k)))).toBe(true);
  });

  it('refuses keys of other types and curves, and bytes that are no key', async () => {
    const { publicShare } = seal(random());
    const exported = [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('x25519'),
    ].map(({ privateKey }) => new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })));
    const k = pkcs8Of(random());
    const others = [new Uint8Array(138), new Uint8Array(138).fill(0x30), k.with(0, 0x31), k.with(20, k[20]! ^ 1), systemRandom(138)];
    for (const plain of [...exported, ...others]) {
      const sealed = sealBytes(plain);
      expect(await token.open(sealed, context, publicShare)).toBe(false);
    }
    // The token is as well as before.
    const good = seal(random());
    expect(await token.open(good.sealed, context, good.publicShare)).toBe(true);
  });

  it('refuses a scalar of zero and one that is not below the order', async () => {
    const { publicShare } = seal(random());
    const der = pkcs8Of(random());
    const at = Buffer.from(der).indexOf(Buffer.from([0x04, 0x20])) + 2;
    for (const scalar of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const plain = der.slice();
      plain.set(scalar, at);
      expect(await token.open(sealBytes(plain), context, publicShare)).toBe(false);
    }
  });

  it('refuses any other byte: of the wrapped key, of the ephemeral key, of the context', async () => {
    const { sealed, publicShare } = seal(random());
    for (let at = 0; at < 152; at += 7) {
      const wrapped = sealed.wrapped.with(at, sealed.wrapped[at]! ^ 0x80);
      expect(await token.open({ ...sealed, wrapped }, context, publicShare)).toBe(false);
    }
    for (let at = 0; at < 32; at += 5) expect(await token.open(sealed, context.with(at, 8), publicShare)).toBe(false);
    expect(await token.open({ ...sealed, ephemeralKey: curve.encodePoint(times(random())) }, context, publicShare)).toBe(false);
    const shorter = { ...sealed, wrapped: sealed.wrapped.subarray(0, 144) };
    expect(await token.open(shorter, context, publicShare)).toBe(false);
  });
});
