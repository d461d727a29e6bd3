/**
 * Cuts a stream of chunks into blocks of one size and tells which is the last: what age's payload (payload.ts) and the parts
 * of an upload (s3.ts) both need. One block is held back, because only the end of the stream shows which one was the last.
 */

export interface Block {
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/**
 * Every block but the last has exactly `size` bytes; the last has 1 to `size`, or none if the stream was empty.
 * @param chunks are referred to, not copied: their producer must not write to them again
 */
export async function* blocks(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Block> {
  let held: Uint8Array | undefined;
  let begun = Buffer.alloc(0);
  let filled = 0;
  for await (const chunk of chunks) {
    let at = 0;
    if (filled > 0) {
      at = Math.min(size - filled, chunk.length);
      begun.set(chunk.subarray(0, at), filled);
      filled += at;
      if (filled < size) continue;
      if (held !== undefined) yield { bytes: held, last: false };
      held = begun;
      filled = 0;
    }
    for (; chunk.length - at >= size; at += size) {
      if (held !== undefined) yield { bytes: held, last: false };
      held = chunk.subarray(at, at + size);
    }
    if (at < chunk.length) {
      begun = Buffer.allocUnsafe(size);
      begun.set(chunk.subarray(at));
      filled = chunk.length - at;
    }
  }
  if (filled === 0) return yield { bytes: held ?? new Uint8Array(0), last: true };
  if (held !== undefined) yield { bytes: held, last: false };
  yield { bytes: begun.subarray(0, filled), last: true };
}
