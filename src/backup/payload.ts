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
import { hkdfSync } from 'node:crypto';
import { assert, fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { blocks } from './blocks.ts';
import { type Block, BlockMemory, CHUNK_BYTES, TAG_BYTES } from './chunks.ts';
import { throughCipher } from './cipher-thread.ts';

/** Sealed and written, or read and opened, in one piece. */
const CHUNKS_PER_BLOCK = 16;
export const PAYLOAD_NONCE_BYTES = 16;

export const blockMemory = (): BlockMemory => new BlockMemory(CHUNKS_PER_BLOCK);

/**
 * What is yielded is good until the next is asked for.
 * @param fileKey 16 bytes, used for this one file
 */
export async function* sealPayload(fileKey: Uint8Array, plain: AsyncIterable<Uint8Array>, random: Random): AsyncGenerator<Uint8Array> {
  const salt = random(PAYLOAD_NONCE_BYTES);
  const key = payloadKey(fileKey, salt);
  yield salt;
  const memory = blockMemory();
  const sealed = throughCipher({ work: 'seal', key }, numbered(plain, CHUNK_BYTES, memory), (spent) => memory.giveBack(spent));
  for await (const block of sealed) yield block as Uint8Array;
}

/** @param chunkBytes as they are in `stream`: sealed or not */
async function* numbered(stream: AsyncIterable<Uint8Array>, chunkBytes: number, memory: BlockMemory): AsyncGenerator<Block> {
  let counter = 0;
  for await (const { bytes, last } of blocks(stream, CHUNKS_PER_BLOCK * chunkBytes, () => new Uint8Array(memory.take()))) {
    yield { memory: bytes.buffer as ArrayBuffer, length: bytes.length, counter, last };
    counter += CHUNKS_PER_BLOCK;
  }
}

/**
 * Yields only bytes whose chunk was verified; that the stream was whole is known when it ends without an error.
 * @param salt the 16 bytes before the first chunk
 * @param memory may be given that of what was yielded, once it is done with
 * @throws `malformed`
 */
export async function* openPayload(
  fileKey: Uint8Array,
  salt: Uint8Array,
  sealed: AsyncIterable<Uint8Array>,
  memory = blockMemory(),
): AsyncGenerator<Uint8Array> {
  const key = payloadKey(fileKey, salt);
  const blocks = throughCipher({ work: 'open', key }, numbered(sealed, CHUNK_BYTES + TAG_BYTES, memory));
  for await (const opened of blocks) {
    yield opened ?? fail('malformed', 'the age file is damaged or cut short');
  }
}

function payloadKey(fileKey: Uint8Array, salt: Uint8Array): Uint8Array {
  assert(fileKey.length === 16 && salt.length === PAYLOAD_NONCE_BYTES, 'an age file key and a payload nonce have 16 bytes');
  return new Uint8Array(hkdfSync('sha256', fileKey, salt, 'payload', 32));
}
