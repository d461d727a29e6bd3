/**
 * Tar streams, one entry at a time, by the tar-stream package: ustar headers, each after an extended one (pax, POSIX.1-2001) with
 * the path, the time to the nanosecond, and owners, for which a header has too few digits. Used by pack.ts and unpack.ts.
 */
import { pipeline } from 'node:stream/promises';
import { extract, type Header, type Pack, pack } from 'tar-stream';
import { fail, HoldfastError } from '../base/errors.ts';
import { parseSeconds, spellSeconds } from './times.ts';

const BLOCK_BYTES = 512;
/** Two empty blocks. */
const END_BYTES = 2 * BLOCK_BYTES;
/** Of a stream, between what was handed out last and what comes next: an extended header has some kilobytes. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;
/** The package writes a mode of 0 as one of its own, and of any other the low twelve bits: this one is above them. */
const BESIDE_THE_MODE = 0o100000;

export type Kind = 'file' | 'directory' | 'symlink' | 'link';

export interface Entry {
  readonly kind: Kind;
  /** As written: "./a/b"; folders end with a slash. */
  readonly path: string;
  /** Of a symbolic link its text, of a hard link the path of an entry before it. */
  readonly linkPath?: string;
  /** Permissions, with set-id and sticky bits. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
}

export interface Stored extends Entry {
  readonly uid: number;
  readonly gid: number;
  /** Exactly `size` bytes; of files only. */
  readonly content?: AsyncIterable<Uint8Array>;
}

/** Asks for the next entry, and for the next chunk of one, only when what was before it has been taken. */
export async function* spellEntries(entries: AsyncIterable<Stored>): AsyncGenerator<Uint8Array> {
  // It is emptied after every chunk. Were it ever full, the package would wait for that and this here for the package.
  const tar = pack({ highWaterMark: Number.POSITIVE_INFINITY });
  for await (const { kind, path, linkPath, mode, mtimeNs, size, uid, gid, content } of entries) {
    const { promise: stored, resolve, reject } = Promise.withResolvers<void>();
    const sink = tar.entry(
      {
        type: kind,
        name: path,
        ...(linkPath === undefined ? {} : { linkname: linkPath }),
        mode: mode | BESIDE_THE_MODE,
        size,
        // What the record says counts. The header would have 18 bits for owners, and no fractions of seconds.
        pax: { mtime: spellSeconds(mtimeNs), uid, gid },
        mtime: new Date(0),
      },
      (error) => (error ? reject(error) : resolve()),
    );
    if (content !== undefined) {
      for await (const chunk of content) {
        if (!sink.write(chunk)) await new Promise<void>((drained) => sink.once('drain', drained));
        yield* written(tar);
      }
    }
    sink.end(undefined);
    await stored;
    yield* written(tar);
  }
  tar.finalize();
  yield* written(tar);
}

function* written(tar: Pack): Generator<Uint8Array> {
  for (let chunk = tar.read(); chunk !== null; chunk = tar.read()) yield chunk as Uint8Array;
}

/**
 * Yields the entries with their content; what is not read of it is skipped.
 * @param spent is given each chunk when nothing here looks at it any more: the package keeps pieces of some for a while
 * @throws `malformed` for anything but the four kinds, for a header without bound, and for a stream without its end; what `chunks` throws
 */
export async function* readEntries(
  chunks: AsyncIterable<Uint8Array>,
  spent: (chunk: Uint8Array) => void = () => undefined,
): AsyncGenerator<{ entry: Entry; content: AsyncIterable<Uint8Array> }> {
  const tar = extract();
  let bytes = 0;
  const inUse: { readonly end: number; readonly chunk: Uint8Array }[] = [];
  /** All of the stream before `offset` was handed out, and taken by whoever asked. */
  const finished = (offset: number): void => {
    for (let [first] = inUse; first !== undefined && first.end <= offset; [first] = inUse) {
      inUse.shift();
      spent(first.chunk);
    }
  };
  let broken: unknown;
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        inUse.push({ end: bytes, chunk });
        // Attack: an extended header of gigabytes, or as much behind the end, would be kept whole in memory.
        if (bytes - (inUse[0]?.end ?? 0) > HELD_BYTES_MAX)
          fail('malformed', 'the backup holds more between two entries than any header has');
        yield chunk;
      }
    } catch (error) {
      broken = error;
      throw error;
    }
  }
  const told = (error: unknown): unknown =>
    error === broken || error instanceof HoldfastError
      ? error
      : new HoldfastError('malformed', 'the backup holds no whole tar stream', {}, error);
  async function* contentOf(source: AsyncIterable<unknown>, start: number): AsyncGenerator<Uint8Array> {
    let at = start;
    try {
      for await (const chunk of source as AsyncIterable<Uint8Array>) {
        yield chunk;
        at += chunk.length;
        finished(at);
      }
    } catch (error) {
      throw told(error);
    }
  }
  // To the very end, because only there the cipher knows that the file was whole.
  const fed = pipeline(counted, tar as unknown as NodeJS.WritableStream).catch(() => undefined);
  let end = 0;
  try {
    for await (const source of tar) {
      const entry = entryOf(source.header);
      const start = source.offset + BLOCK_BYTES;
      finished(start);
      end = start + Math.ceil(entry.size / BLOCK_BYTES) * BLOCK_BYTES;
      yield { entry, content: contentOf(source, start) };
      source.resume();
    }
    // The package does not ask for the end.
    if (bytes < end + END_BYTES) fail('malformed', 'the backup is cut short');
  } catch (error) {
    throw told(error);
  } finally {
    tar.destroy();
    await fed;
  }
}

function entryOf({ type, name, linkname, mode, mtime, size, pax }: Header): Entry {
  if (type !== 'file' && type !== 'directory' && type !== 'symlink' && type !== 'link')
    return fail('malformed', 'the backup holds an entry that is neither file, folder nor link', { type: String(type) });
  if (name.includes('\0') || linkname?.includes('\0')) fail('malformed', 'a name in the backup holds a NUL');
  const exact = (pax as Record<string, string> | null)?.['mtime'];
  return {
    kind: type,
    path: name,
    ...(type === 'symlink' || type === 'link' ? { linkPath: linkname ?? '' } : {}),
    mode: mode & 0o7777,
    mtimeNs: exact === undefined ? BigInt(mtime.getTime()) * 1_000_000n : parseSeconds(exact),
    size: type === 'file' ? size : 0,
  };
}
