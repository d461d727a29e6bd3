/**
 * Cuts a stream of chunks into blocks of one size and tells which is the last: what age's payload (payload.ts) and the parts
 * of an upload (s3.ts) both need. A full block is held back, because only what follows shows that it was not the last.
 */

export interface Block {
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/**
 * Every block but the last has exactly `size` bytes; the last has 1 to `size`, or none if the stream was empty.
 * @param chunks are copied: their producer may use the memory again when the next is asked for
 * @param room memory for one more block, of `size` bytes at least
 */
export async function* blocks(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  room = (): Uint8Array => Buffer.allocUnsafeSlow(size),
): AsyncGenerator<Block> {
  let block = room();
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === size) {
        yield { bytes: block.subarray(0, size), last: false };
        block = room();
        filled = 0;
      }
      const taken = Math.min(size - filled, chunk.length - at);
      block.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield { bytes: block.subarray(0, filled), last: true };
}
