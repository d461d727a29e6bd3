/** Writing streams to files: restored ones (unpack.ts) and the backup itself (folder.ts). */
import type { FileHandle } from 'node:fs/promises';
import { blocks } from './blocks.ts';

/** Chunks come as small as the cipher's: written together, they cost a sixteenth of the calls. */
const WRITE_BYTES = 1 << 20;

/** @throws what the system says, for instance when the disk is full */
export async function writeChunks(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const { bytes } of blocks(chunks, WRITE_BYTES)) {
    // A disk that fills up takes a part without an error; the error comes with the rest.
    for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
  }
}
