/**
 * Chunks of an age payload (age-encryption.org/v1, "Payload") in a row, sealed where they stand:
 *
 *   chunk        = up to 65536 bytes encrypted | 16 tag
 *   chunk nonce  = u88 counter from 0 | u8 1 for the last chunk, else 0
 */
import { createCipheriv } from 'node:crypto';

export const CIPHER = 'chacha20-poly1305';
export const CHUNK_BYTES = 65_536;
export const TAG_BYTES = 16;

/** A block: whole chunks one after the other, but for the last one of the payload; behind them room for the tags. */
export interface Sealing {
  readonly memory: ArrayBuffer;
  readonly length: number;
  /** Number of its first chunk. */
  readonly counter: number;
  /** Ends the payload. */
  readonly last: boolean;
}

export function roomFor(chunks: number): ArrayBuffer {
  return new ArrayBuffer(chunks * (CHUNK_BYTES + TAG_BYTES));
}

/** The counter is kept in 48 of its 88 bits: 2^48 chunks are 16 million TiB. */
export function chunkNonce(counter: number, last: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** In the memory of the block. An empty payload is one chunk of nothing. */
export function sealChunks(key: Uint8Array, { memory, length, counter, last }: Sealing): Uint8Array {
  const chunks = Math.max(1, Math.ceil(length / CHUNK_BYTES));
  const bytes = new Uint8Array(memory);
  // From the last: a sealed chunk begins behind where it stood, and ends where the next one stood.
  for (let i = chunks - 1; i >= 0; i -= 1) {
    const cipher = createCipheriv(CIPHER, key, chunkNonce(counter + i, last && i === chunks - 1), { authTagLength: TAG_BYTES });
    const sealed = cipher.update(bytes.subarray(i * CHUNK_BYTES, Math.min(length, (i + 1) * CHUNK_BYTES)));
    cipher.final();
    const at = i * (CHUNK_BYTES + TAG_BYTES);
    bytes.set(sealed, at);
    bytes.set(cipher.getAuthTag(), at + sealed.length);
  }
  return bytes.subarray(0, length + chunks * TAG_BYTES);
}
