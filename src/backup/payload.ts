/**
 * The payload of an age file (age-encryption.org/v1, "Payload"): 64 KiB chunks under ChaCha20-Poly1305 in the STREAM
 * construction. Done with node:crypto because the JavaScript cipher of age-encryption is several times slower, and a backup is
 * as fast as its cipher; the header, where the subtleties are, stays with that package (age.ts).
 *
 *   payload key  = HKDF-SHA-256(ikm = file key, salt = nonce, info = "payload")
 *   payload      = 16 nonce | chunk ...
 *   (a chunk is drawn in chunks.ts)
 *
 * Counter and flag make every reordering, repetition, omission, extension and truncation fail the tag of some chunk.
 */
import { createDecipheriv, hkdfSync } from 'node:crypto';
import { assert, fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { blocks } from './blocks.ts';
import { CHUNK_BYTES, CIPHER, chunkNonce, roomFor, type Sealing, TAG_BYTES } from './chunks.ts';
import { sealBlocks } from './sealing.ts';

/** Sealed and written in one piece. */
const CHUNKS_PER_BLOCK = 16;
export const PAYLOAD_NONCE_BYTES = 16;

/**
 * What is yielded is good until the next is asked for.
 * @param fileKey 16 bytes, used for this one file
 */
export async function* sealPayload(fileKey: Uint8Array, plain: AsyncIterable<Uint8Array>, random: Random): AsyncGenerator<Uint8Array> {
  const salt = random(PAYLOAD_NONCE_BYTES);
  const key = payloadKey(fileKey, salt);
  yield salt;
  // A dozen blocks go round: fresh memory for each would cost more than to seal it.
  const free: ArrayBuffer[] = [];
  yield* sealBlocks(key, numbered(plain, free), (memory) => free.push(memory));
}

async function* numbered(plain: AsyncIterable<Uint8Array>, free: ArrayBuffer[]): AsyncGenerator<Sealing> {
  const room = () => new Uint8Array(free.pop() ?? roomFor(CHUNKS_PER_BLOCK));
  let counter = 0;
  for await (const { bytes, last } of blocks(plain, CHUNKS_PER_BLOCK * CHUNK_BYTES, room)) {
    yield { memory: bytes.buffer as ArrayBuffer, length: bytes.length, counter, last };
    counter += CHUNKS_PER_BLOCK;
  }
}

/**
 * Yields only bytes whose chunk was verified; that the stream was whole is known when it ends without an error.
 * @param salt the 16 bytes before the first chunk
 * @throws `malformed`
 */
export async function* openPayload(fileKey: Uint8Array, salt: Uint8Array, sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const key = payloadKey(fileKey, salt);
  let counter = 0;
  for await (const { bytes, last } of blocks(sealed, CHUNK_BYTES + TAG_BYTES)) {
    if (bytes.length < TAG_BYTES) fail('malformed', 'the age file is cut short');
    // "The final chunk MUST NOT be empty unless the whole payload is empty": else a file would have two spellings.
    if (bytes.length === TAG_BYTES && counter > 0) fail('malformed', 'the last chunk of the age file is empty');
    const opened = bytes.subarray(0, -TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, key, chunkNonce(counter, last), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(opened);
    try {
      decipher.final();
    } catch (cause) {
      fail('malformed', 'the age file is damaged or cut short', {}, cause);
    }
    yield plain;
    counter += 1;
  }
}

function payloadKey(fileKey: Uint8Array, salt: Uint8Array): Uint8Array {
  assert(fileKey.length === 16 && salt.length === PAYLOAD_NONCE_BYTES, 'an age file key and a payload nonce have 16 bytes');
  return new Uint8Array(hkdfSync('sha256', fileKey, salt, 'payload', 32));
}
