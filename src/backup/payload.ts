/**
 * The payload of an age file (age-encryption.org/v1, "Payload"): 64 KiB chunks under ChaCha20-Poly1305 in the STREAM
 * construction. Done with node:crypto because the JavaScript cipher of age-encryption is several times slower, and a backup is
 * as fast as its cipher; the header, where the subtleties are, stays with that package (age.ts).
 *
 *   payload key  = HKDF-SHA-256(ikm = file key, salt = nonce, info = "payload")
 *   payload      = 16 nonce | chunk ...
 *   chunk        = up to 65536 bytes encrypted | 16 tag
 *   chunk nonce  = u88 counter from 0 | u8 1 for the last chunk, else 0
 *
 * Counter and flag make every reordering, repetition, omission, extension and truncation fail the tag of some chunk.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { assert, fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { blocks } from './blocks.ts';

const CIPHER = 'chacha20-poly1305';
const CHUNK_BYTES = 65_536;
const TAG_BYTES = 16;
export const PAYLOAD_NONCE_BYTES = 16;

/** @param fileKey 16 bytes, used for this one file */
export async function* sealPayload(fileKey: Uint8Array, plain: AsyncIterable<Uint8Array>, random: Random): AsyncGenerator<Uint8Array> {
  const salt = random(PAYLOAD_NONCE_BYTES);
  const key = payloadKey(fileKey, salt);
  const nonces = chunkNonces();
  yield salt;
  for await (const { bytes, last } of blocks(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv(CIPHER, key, nonces.next(last), { authTagLength: TAG_BYTES });
    yield cipher.update(bytes);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/**
 * Yields only bytes whose chunk was verified; that the stream was whole is known when it ends without an error.
 * @param salt the 16 bytes before the first chunk
 * @throws `malformed`
 */
export async function* openPayload(fileKey: Uint8Array, salt: Uint8Array, sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const key = payloadKey(fileKey, salt);
  const nonces = chunkNonces();
  let first = true;
  for await (const { bytes, last } of blocks(sealed, CHUNK_BYTES + TAG_BYTES)) {
    if (bytes.length < TAG_BYTES) fail('malformed', 'the age file is cut short');
    // "The final chunk MUST NOT be empty unless the whole payload is empty": else a file would have two spellings.
    if (bytes.length === TAG_BYTES && !first) fail('malformed', 'the last chunk of the age file is empty');
    first = false;
    const opened = bytes.subarray(0, -TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, key, nonces.next(last), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(opened);
    try {
      decipher.final();
    } catch (cause) {
      fail('malformed', 'the age file is damaged or cut short', {}, cause);
    }
    yield plain;
  }
}

function payloadKey(fileKey: Uint8Array, salt: Uint8Array): Uint8Array {
  assert(fileKey.length === 16 && salt.length === PAYLOAD_NONCE_BYTES, 'an age file key and a payload nonce have 16 bytes');
  return new Uint8Array(hkdfSync('sha256', fileKey, salt, 'payload', 32));
}

/** The counter is kept in 48 of its 88 bits: 2^48 chunks are 16 million TiB. */
function chunkNonces() {
  let counter = 0;
  return {
    next(last: boolean): Uint8Array {
      const nonce = Buffer.alloc(12);
      nonce.writeUIntBE(counter, 5, 6);
      nonce[11] = last ? 1 : 0;
      counter += 1;
      return nonce;
    },
  };
}
