/** Writing streams to files: restored ones (unpack.ts) and the backup itself (folder.ts). */
import type { FileHandle } from 'node:fs/promises';

/** What is smaller is written together with what follows: one call for sixteen. */
const WRITE_BYTES = 1 << 18;

/**
 * @param chunks each is good until the next is asked for
 * @param flushBytes after every so many the disk is asked to take them, so that the end has not all of it to wait for
 * @throws what the system says, for instance when the disk is full
 */
export async function writeChunks(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  flushBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  let small: Uint8Array[] = [];
  let [smallBytes, unflushed] = [0, 0];
  let flushing = Promise.resolve();
  const write = async (bytes: Uint8Array): Promise<void> => {
    await writeAll(file, bytes);
    unflushed += bytes.length;
    if (unflushed < flushBytes) return;
    unflushed = 0;
    await flushing;
    flushing = file.datasync();
    // It is awaited in its turn; until then nobody listens.
    flushing.catch(() => undefined);
  };
  const gathered = async (): Promise<void> => {
    const bytes = Buffer.concat(small);
    [small, smallBytes] = [[], 0];
    if (bytes.length > 0) await write(bytes);
  };
  try {
    for await (const chunk of chunks) {
      if (chunk.length >= WRITE_BYTES) {
        await gathered();
        await write(chunk);
        continue;
      }
      small.push(Buffer.from(chunk));
      smallBytes += chunk.length;
      if (smallBytes >= WRITE_BYTES) await gathered();
    }
    await gathered();
  } finally {
    // The file is closed next, and nothing may be at work on it then.
    await flushing;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  // A disk that fills up takes a part without an error; the error comes with the rest.
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}
