import { createCipheriv, createDecipheriv, createECDH, createPrivateKey, createPublicKey } from 'node:crypto';
import { aeskwp } from '@noble/ciphers/aes.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { encodeScalar, scalarFromSeed } from '../../src/oprf/scalar.ts';
import { encodePkcs8, PKCS8_BYTES } from '../../src/vault/pkcs8.ts';
import { type SealedShare, sealShare, WRAPPED_BYTES } from '../../src/vault/seal.ts';

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const share = fc.uint8Array({ minLength: 48, maxLength: 48 }).map((seed) => new Secret(encodeScalar(scalarFromSeed(seed))));
const context = fc.uint8Array({ minLength: 32, maxLength: 32 });
const malformed = expect.objectContaining({ code: 'malformed' });

function sealingKeyPair() {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  return { ecdh, sealingKey: Uint8Array.from(ecdh.getPublicKey(null, 'compressed')) };
}

/** What a token does, step by step, with OpenSSL. Throws where `C_UnwrapKey` would refuse. */
function openWithOpenSsl(ecdh: ReturnType<typeof createECDH>, sealed: SealedShare, boundTo: Uint8Array): Buffer {
  const shared = ecdh.computeSecret(sealed.ephemeralKey);
  const cbc = createCipheriv('aes-256-cbc', shared, Buffer.alloc(16)).setAutoPadding(false);
  const kek = Buffer.concat([cbc.update(boundTo), cbc.final()]);
  const unwrap = createDecipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([unwrap.update(sealed.wrapped), unwrap.final()]);
}

test('the PKCS#8 of a scalar is what OpenSSL writes for it, 138 bytes', () => {
  fc.assert(
    fc.property(share, (scalar) => {
      const encoded = encodePkcs8(scalar);
      expect(encoded).toHaveLength(PKCS8_BYTES);
      const key = createPrivateKey({ key: Buffer.from(encoded), format: 'der', type: 'pkcs8' });
      expect(key.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
      expect(key.export({ format: 'der', type: 'pkcs8' })).toEqual(Buffer.from(encoded));
      const { x, y } = createPublicKey(key).export({ format: 'jwk' });
      const inside = Buffer.from(encoded.subarray(-64));
      expect(Buffer.concat([Buffer.from(x as string, 'base64url'), Buffer.from(y as string, 'base64url')])).toEqual(inside);
    }),
    { numRuns: 20 },
  );
});

test.for([
  // RFC 5649, section 6: 20 and 7 octets of key data with a 192-bit KEK.
  ['c37b7e6492584340bed12207808941155068f738', '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a'],
  ['466f7250617369', 'afbeb0f07dfbf5419200f2ccb50bb24f'],
] as const)('AES-KWP wraps as RFC 5649, section 6, says: %s', ([keyData, wrapped]) => {
  const kek = bytes('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8');
  expect(hex(aeskwp(kek).encrypt(bytes(keyData)))).toBe(wrapped);
});

test('a sealed share opens with the sealing key and the context, by OpenSSL, to the PKCS#8 of the share', () => {
  fc.assert(
    fc.property(share, context, (scalar, boundTo) => {
      const { ecdh, sealingKey } = sealingKeyPair();
      const sealed = sealShare({ share: scalar, sealingKey, context: () => boundTo, random: systemRandom });
      expect(sealed.wrapped).toHaveLength(WRAPPED_BYTES);
      expect(sealed.ephemeralKey).toHaveLength(33);
      expect(hex(openWithOpenSsl(ecdh, sealed, boundTo))).toBe(hex(encodePkcs8(scalar)));
    }),
    { numRuns: 20 },
  );
});

test('with any one byte of context, ephemeral key or blob changed, or another sealing key, nothing opens', () => {
  const { ecdh, sealingKey } = sealingKeyPair();
  const boundTo = systemRandom(32);
  const scalar = new Secret(encodeScalar(scalarFromSeed(systemRandom(48))));
  const sealed = sealShare({ share: scalar, sealingKey, context: () => boundTo, random: systemRandom });
  const flipped = (data: Uint8Array, at: number) => data.map((byte, i) => (i === at ? byte ^ 1 : byte));
  for (let i = 0; i < 32; i++) expect(() => openWithOpenSsl(ecdh, sealed, flipped(boundTo, i))).toThrow();
  for (let i = 0; i < WRAPPED_BYTES; i++) {
    expect(() => openWithOpenSsl(ecdh, { ...sealed, wrapped: flipped(sealed.wrapped, i) }, boundTo)).toThrow();
  }
  // Byte 0 is the sign of y: an x-only ECDH gives the same key for both. The context names the ephemeral key for that.
  for (let i = 1; i < 33; i++) {
    expect(() => openWithOpenSsl(ecdh, { ...sealed, ephemeralKey: flipped(sealed.ephemeralKey, i) }, boundTo)).toThrow();
  }
  expect(() => openWithOpenSsl(sealingKeyPair().ecdh, sealed, boundTo)).toThrow();
});

test('the context is asked for with the ephemeral key that is sent, which is new each time', () => {
  const { sealingKey } = sealingKeyPair();
  const seen: string[] = [];
  const sealing = {
    share: new Secret(encodeScalar(5n)),
    sealingKey,
    context: (ephemeralKey: Uint8Array) => {
      seen.push(hex(ephemeralKey));
      return new Uint8Array(32);
    },
    random: systemRandom,
  };
  const sent = [sealShare(sealing), sealShare(sealing)].map(({ ephemeralKey }) => hex(ephemeralKey));
  expect(seen).toEqual(sent);
  expect(sent[0]).not.toBe(sent[1]);
});

test('a share that is no scalar and a sealing key that is no point are refused', () => {
  const { sealingKey } = sealingKeyPair();
  const sealing = { share: new Secret(encodeScalar(5n)), sealingKey, context: () => new Uint8Array(32), random: systemRandom };
  expect(() => sealShare({ ...sealing, share: new Secret(new Uint8Array(32)) })).toThrow(malformed);
  expect(() => sealShare({ ...sealing, share: new Secret(new Uint8Array(32).fill(255)) })).toThrow(malformed);
  expect(() => sealShare({ ...sealing, sealingKey: new Uint8Array(33) })).toThrow(malformed);
  expect(() => sealShare({ ...sealing, context: () => new Uint8Array(31) })).toThrow('bug');
});
