/**
 * Chunks of an age payload (age-encryption.org/v1, "Payload") in a row, sealed and opened where they stand:
 *
 *   chunk        = up to 65536 bytes encrypted | 16 tag
 *   chunk nonce  = u88 counter from 0 | u8 1 for the last chunk, else 0
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const CIPHER = 'chacha20-poly1305';
export const CHUNK_BYTES = 65_536;
export const TAG_BYTES = 16;
const SEALED_BYTES = CHUNK_BYTES + TAG_BYTES;

/** Whole chunks one after the other, but for the last one of the payload. */
export interface Block {
  /** Room for the chunks sealed, whether they are or not. */
  readonly memory: ArrayBuffer;
  readonly length: number;
  /** Number of its first chunk. */
  readonly counter: number;
  /** Ends the payload. */
  readonly last: boolean;
}

/**
 * Memory of blocks that goes round: a dozen does for a file of any size, and fresh memory for each block would cost three times what
 * all else does.
 */
export class BlockMemory {
  readonly #free: ArrayBuffer[] = [];
  readonly #bytes: number;

  constructor(chunks: number) {
    this.#bytes = chunks * SEALED_BYTES;
  }

  take(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(this.#bytes);
  }

  /** Nobody looks at it any more. */
  giveBack(memory: ArrayBuffer): void {
    this.#free.push(memory);
  }
}

/** The counter is kept in 48 of its 88 bits: 2^48 chunks are 16 million TiB. */
function chunkNonce(counter: number, last: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** In the memory of the block. An empty payload is one chunk of nothing. */
export function sealChunks(key: Uint8Array, { memory, length, counter, last }: Block): Uint8Array {
  const chunks = Math.max(1, Math.ceil(length / CHUNK_BYTES));
  const bytes = new Uint8Array(memory);
  // From the last: a sealed chunk begins behind where it stood, and ends where the next one stood.
  for (let i = chunks - 1; i >= 0; i -= 1) {
    const cipher = createCipheriv(CIPHER, key, chunkNonce(counter + i, last && i === chunks - 1), { authTagLength: TAG_BYTES });
    const sealed = cipher.update(bytes.subarray(i * CHUNK_BYTES, Math.min(length, (i + 1) * CHUNK_BYTES)));
    cipher.final();
    const at = i * SEALED_BYTES;
    bytes.set(sealed, at);
    bytes.set(cipher.getAuthTag(), at + sealed.length);
  }
  return bytes.subarray(0, length + chunks * TAG_BYTES);
}

/** In the memory of the block. @returns nothing unless every chunk of it is whole, unchanged and in its place */
export function openChunks(key: Uint8Array, { memory, length, counter, last }: Block): Uint8Array | undefined {
  const chunks = Math.max(1, Math.ceil(length / SEALED_BYTES));
  const bytes = new Uint8Array(memory);
  let opened = 0;
  for (let i = 0; i < chunks; i += 1) {
    const [from, tagAt] = [i * SEALED_BYTES, Math.min(length, (i + 1) * SEALED_BYTES) - TAG_BYTES];
    if (tagAt < from) return undefined;
    // "The final chunk MUST NOT be empty unless the whole payload is empty": else a file would have two spellings.
    if (tagAt === from && counter + i > 0) return undefined;
    const decipher = createDecipheriv(CIPHER, key, chunkNonce(counter + i, last && i === chunks - 1), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(tagAt, tagAt + TAG_BYTES));
    const plain = decipher.update(bytes.subarray(from, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    bytes.set(plain, opened);
    opened += plain.length;
  }
  return bytes.subarray(0, opened);
}
