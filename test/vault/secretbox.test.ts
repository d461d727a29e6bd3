import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { BOX_BYTES, openSecret, sealSecret } from '../../src/vault/secretbox.ts';

const thirtyTwo = fc.uint8Array({ minLength: 32, maxLength: 32 });
const keys = fc.record({ encryptionKey: thirtyTwo.map((key) => new Secret(key)), commitment: thirtyTwo });
const hex = (data: Uint8Array | undefined) => data && Buffer.from(data).toString('hex');

test('what was sealed opens under the same keys, and by OpenSSL', () => {
  fc.assert(
    fc.property(keys, thirtyTwo, (own, secret) => {
      const box = sealSecret(own, new Secret(secret));
      expect(box).toHaveLength(BOX_BYTES);
      expect(hex(openSecret(own, box)?.reveal())).toBe(hex(secret));
      const decipher = createDecipheriv('chacha20-poly1305', own.encryptionKey.reveal(), new Uint8Array(12), { authTagLength: 16 });
      decipher.setAuthTag(box.subarray(64));
      expect(hex(Buffer.concat([decipher.update(box.subarray(32, 64)), decipher.final()]))).toBe(hex(secret));
    }),
  );
});

test('another commitment is a wrong passcode, not an error, whatever the ciphertext', () => {
  fc.assert(
    fc.property(keys, keys, thirtyTwo, (own, other, secret) => {
      fc.pre(hex(own.commitment) !== hex(other.commitment));
      expect(openSecret(other, sealSecret(own, new Secret(secret)))).toBeUndefined();
      // Even with the right encryption key: the commitment decides, so one record cannot serve two passcodes.
      expect(openSecret({ ...own, commitment: other.commitment }, sealSecret(own, new Secret(secret)))).toBeUndefined();
    }),
  );
});

test('any byte changed behind a commitment that fits is an alarm', () => {
  fc.assert(
    fc.property(keys, thirtyTwo, fc.integer({ min: 32, max: BOX_BYTES - 1 }), fc.integer({ min: 1, max: 255 }), (own, secret, at, mask) => {
      const box = sealSecret(own, new Secret(secret));
      box[at] = (box[at] as number) ^ mask;
      expect(() => openSecret(own, box)).toThrow(expect.objectContaining({ code: 'alarm' }));
    }),
  );
});

test('a box of another length is refused', () => {
  const own = { encryptionKey: new Secret(new Uint8Array(32)), commitment: new Uint8Array(32) };
  for (const length of [0, BOX_BYTES - 1, BOX_BYTES + 1]) {
    expect(() => openSecret(own, new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'malformed' }));
  }
});
