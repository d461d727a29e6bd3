/**
 * Streams to files and back: restored ones (unpack.ts) and the backup itself (folder.ts).
 *
 * Small files are read and written by synchronous calls, here and in pack.ts: a folder may have a hundred thousand of them, each
 * takes five calls, and to hand a call to another thread and back takes ten times what the call does.
 */
import { writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** What is worth another thread takes longer than to ask for it. */
export const SMALL_BYTES = 65_536;

const READ_BYTES = 1 << 20;
/** What is smaller is written together with what follows: one call for sixteen. */
const WRITE_BYTES = 1 << 18;
const ZEROS = Buffer.alloc(WRITE_BYTES);

export interface Writing {
  /** After every so many bytes the disk is asked to take them, so that the end has not all of it to wait for. */
  readonly flushBytes?: number;
  /** Long runs of zeros are left out: a file that had holes, and is stored whole, does not fill the disk that it comes back to. */
  readonly holes?: true;
}

/**
 * @param file empty
 * @param chunks each is good until the next is asked for
 * @throws what the system says, for instance when the disk is full
 */
export async function writeChunks(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  { flushBytes = Number.POSITIVE_INFINITY, holes }: Writing = {},
): Promise<void> {
  let small: Uint8Array[] = [];
  let [smallBytes, unflushed, position] = [0, 0, 0];
  let flushing = Promise.resolve();
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!(holes && isZeros(bytes))) await writeAll(file, bytes, position);
    position += bytes.length;
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
    if (holes) await file.truncate(position);
  } finally {
    // The file is closed next, and nothing may be at work on it then.
    await flushing;
  }
}

/**
 * All of a file, from its beginning. In memory that goes round (fresh memory for each chunk costs as much as to read it): a chunk is
 * good until the next is asked for.
 */
export async function* readChunks(file: FileHandle): AsyncGenerator<Uint8Array> {
  const memory = [0, 1].map(() => Buffer.allocUnsafeSlow(READ_BYTES));
  const readFrom = (position: number) => file.read(memory.reverse()[0] as Buffer, 0, READ_BYTES, position);
  let reading = readFrom(0);
  for (let at = 0; ; ) {
    const { buffer, bytesRead } = await reading;
    if (bytesRead === 0) return;
    at += bytesRead;
    // What comes next is read while what was read is opened.
    reading = readFrom(at);
    // It is awaited in its turn; until then nobody listens.
    reading.catch(() => undefined);
    try {
      yield buffer.subarray(0, bytesRead);
    } finally {
      // Whoever stops here closes the file, and must not do so under a read.
      await reading.catch(() => undefined);
    }
  }
}

/** @param chunks of SMALL_BYTES at most, all together */
export async function writeSmall(fd: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
}

/** A disk that fills up takes a part without an error; the error comes with the rest. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

/** The system does not say of a full disk which one it is. */
export function nameDisk(error: unknown, path: string): void {
  const full = error as NodeJS.ErrnoException;
  if (['ENOSPC', 'EDQUOT'].includes(full?.code ?? '')) full.path ??= path;
}

function isZeros(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
