import { createHash, createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, type Id, toHex } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import * as curve from '../../src/oprf/point.ts';
import { decodeScalar, encodeScalar, randomScalar } from '../../src/oprf/scalar.ts';
import { NEW_COUNTERS } from '../../src/quorum/counters.ts';
import { createNodeKeys, NODE_KEYS, openToken, type Token } from '../../src/token/index.ts';
import { sealShare } from '../../src/vault/seal.ts';
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
const slot = (n: number) => toHex(createHash('sha256').update(`slot ${n}`).digest()) as Id;
const pointOf = (scalar: bigint) => curve.multiply(curve.GENERATOR, scalar);

function seal(scalar: bigint) {
  const share = new Secret(encodeScalar(scalar));
  const sealed = sealShare({ share, sealingKey: token.sealingKey, context: () => context, random: systemRandom });
  return { sealed, publicShare: curve.encodePoint(pointOf(scalar)) };
}

describe('a token', () => {
  it('says what it is: SoftHSM keeps its objects on the host and protects nothing', () => {
    expect(token.description).toMatchObject({ model: 'SoftHSM v2', profile: 'softhsm2', class: 'host', simulated: true });
  });

  it('signs with the identity key: ECDSA over SHA-256, 64 bytes r || s', async () => {
    const bytes = new TextEncoder().encode('what is signed');
    const signature = await token.sign(bytes);
    expect(signature).toHaveLength(64);
    const raw = curve.encodeUncompressed(curve.decodePoint(token.identityKey));
    const [x, y] = [raw.subarray(1, 33), raw.subarray(33)].map((part) => Buffer.from(part).toString('base64url')) as [string, string];
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    expect(verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });

  it('refuses to sign with a key that is not there', async () => {
    await expect(token.signWith({ label: 'nobody', kind: 'p256-sign' }, new Uint8Array(1))).rejects.toMatchObject({
      code: 'token-unsuitable',
    });
    await expect(token.signWith(NODE_KEYS.tls, new Uint8Array(1))).resolves.toHaveLength(64);
  });

  it('counts', async () => {
    expect(await token.counters.read(slot(1))).toEqual(NEW_COUNTERS);
    const before = token.counters.sequence;
    const sequence = await token.counters.commit(slot(1), { ...NEW_COUNTERS, voted: 1 });
    expect(sequence).toBeGreaterThan(before);
    expect(token.counters.sequence).toBe(sequence);
    expect(await token.counters.read(slot(1))).toEqual({ ...NEW_COUNTERS, voted: 1 });
  });
});

describe('a sealed share', () => {
  /** RFC 9497, appendix A.3.1.1 and A.3.1.2: OPRF(P-256, SHA-256), mode OPRF. */
  const skS = decodeScalar(Buffer.from('159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf', 'hex'));
  const vectors = [
    [
      '03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d',
      '030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832',
    ],
    [
      '03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838',
      '03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c',
    ],
  ];

  it.each(vectors)('evaluates %s as RFC 9497 says', async (blinded, evaluated) => {
    const { sealed, publicShare } = seal(skS);
    const result = await token.evaluate(sealed, context, concatBytes(Buffer.from(blinded!, 'hex'), publicShare));
    expect(toHex(result.subarray(0, 32))).toBe(evaluated!.slice(2));
  });

  it('opens only as what it was sealed as', async () => {
    const { sealed, publicShare } = seal(randomScalar(systemRandom));
    expect(await token.open(sealed, context, publicShare)).toBe(true);
    expect(await token.open(sealed, new Uint8Array(32), publicShare)).toBe(false);
    expect(await token.open(sealed, context, seal(randomScalar(systemRandom)).publicShare)).toBe(false);
    const broken = { ...sealed, wrapped: sealed.wrapped.with(20, sealed.wrapped[20]! ^ 1) };
    expect(await token.open(broken, context, publicShare)).toBe(false);
    await expect(token.evaluate(broken, context, concatBytes(publicShare, publicShare))).rejects.toMatchObject({ code: 'share-refused' });
  });
});
