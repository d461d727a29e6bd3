/**
 * Tar streams, one entry at a time: ustar headers (POSIX.1-1988) by the `tar` package, long names as GNU tar writes them
 * ("L" and "K" entries, which busybox and bsdtar read too), times below a second as pax records (POSIX.1-2001).
 *
 * Only the headers come from the package. Its reader splits pax records at newlines, which names may contain, decodes long
 * names in pieces, and takes backslashes for separators: each would make some folder come back otherwise than it was.
 */
import { Header } from 'tar';
import { fail } from '../base/errors.ts';

const BLOCK_BYTES = 512;
/** The header's field for a name has 100 bytes; a name that fills it needs no terminator, but not every reader knows. */
const NAME_BYTES_MAX = 99;
/** PATH_MAX is 4096; pax records of other programs carry more. */
const META_BYTES_MAX = 1 << 20;

export type Kind = 'File' | 'Directory' | 'SymbolicLink' | 'Link';

export interface Entry {
  readonly kind: Kind;
  /** As written: "./a/b"; folders end with a slash. */
  readonly path: string;
  /** Of a symbolic link its text, of a hard link the path of an entry before it. */
  readonly linkPath?: string;
  /** Permissions, with set-id and sticky bits. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Bytes that follow; 0 for all but files. */
  readonly size: number;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The bytes before an entry's content. */
export function spellEntry(entry: Entry, owner: Owner): Uint8Array {
  const seconds = floorSeconds(entry.mtimeNs);
  const blocks: Uint8Array[] = [];
  if (entry.mtimeNs % NS_PER_SECOND !== 0n) blocks.push(meta('ExtendedHeader', paxRecord('mtime', spellSeconds(entry.mtimeNs))));
  if (Buffer.byteLength(entry.path) > NAME_BYTES_MAX) blocks.push(meta('NextFileHasLongPath', `${entry.path}\0`));
  const long = entry.linkPath !== undefined && Buffer.byteLength(entry.linkPath) > NAME_BYTES_MAX;
  if (long) blocks.push(meta('NextFileHasLongLinkpath', `${entry.linkPath}\0`));
  blocks.push(
    headerBlock({
      type: entry.kind,
      path: shortened(entry.path),
      ...(entry.linkPath === undefined ? {} : { linkpath: shortened(entry.linkPath) }),
      mode: entry.mode,
      uid: owner.uid,
      gid: owner.gid,
      // Above 8 GiB the package writes the number in base 256, which every reader of today knows.
      size: entry.size,
      mtime: new Date(seconds * 1000),
    }),
  );
  return Buffer.concat(blocks);
}

/** What fills an entry's content up to whole blocks. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** Two empty blocks end the stream. */
export const END = new Uint8Array(2 * BLOCK_BYTES);

type Fields = Partial<Record<'path' | 'linkpath' | 'mtime' | 'size', string>>;

/**
 * Yields the entries with their content, which must be read, or is skipped, before the next.
 * @throws `malformed` for anything but the four kinds, for a stream without its end, and for names that are not UTF-8
 */
export async function* readEntries(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ entry: Entry; content: AsyncIterable<Uint8Array> }> {
  const reader = new Reader(chunks);
  try {
    yield* entriesOf(reader);
  } finally {
    await reader.close();
  }
}

async function* entriesOf(reader: Reader): ReturnType<typeof readEntries> {
  let fields: Fields = {};
  for (;;) {
    const block = await reader.take(BLOCK_BYTES);
    const header = new Header(block);
    if (header.nullBlock) return reader.drain();
    if (!header.cksumValid) fail('malformed', 'a header in the backup does not match its checksum');
    const size = fields.size === undefined ? (header.size ?? 0) : Number(fields.size);
    if (!Number.isSafeInteger(size) || size < 0) fail('malformed', 'a size in the backup is no size');
    switch (header.type) {
      case 'NextFileHasLongPath':
      case 'NextFileHasLongLinkpath':
      case 'ExtendedHeader': {
        if (size > META_BYTES_MAX) fail('malformed', 'a name in the backup is longer than any');
        const text = await reader.take(size);
        await reader.take(padding(size).length);
        if (header.type === 'ExtendedHeader') fields = { ...fields, ...parsePax(text) };
        else fields[header.type === 'NextFileHasLongPath' ? 'path' : 'linkpath'] = cString(text);
        continue;
      }
      case 'OldFile':
      case 'ContiguousFile':
      case 'File':
      case 'Directory':
      case 'SymbolicLink':
      case 'Link': {
        const kind = header.type === 'OldFile' || header.type === 'ContiguousFile' ? 'File' : header.type;
        const linkPath = fields.linkpath ?? cString(block.subarray(157, 257));
        const entry: Entry = {
          kind,
          path: fields.path ?? header.path ?? '',
          ...(kind === 'SymbolicLink' || kind === 'Link' ? { linkPath } : {}),
          mode: (header.mode ?? 0) & 0o7777,
          mtimeNs: fields.mtime === undefined ? BigInt(header.mtime?.getTime() ?? 0) * NS_PER_MS : parseSeconds(fields.mtime),
          size: kind === 'File' ? size : 0,
        };
        fields = {};
        const content = reader.content(entry.size);
        yield { entry, content };
        for await (const _ of content);
        await reader.take(padding(entry.size).length);
        continue;
      }
      default:
        fail('malformed', 'the backup holds an entry that is neither file, folder nor link', { type: String(header.type) });
    }
  }
}

class Reader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes, at least one. */
  async #some(most: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return fail('malformed', 'the backup is cut short');
      this.#rest = next.value;
    }
    const some = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(some.length);
    return some;
  }

  async take(size: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for (let left = size; left > 0; left -= parts.at(-1)?.length ?? 0) parts.push(await this.#some(left));
    return Buffer.concat(parts);
  }

  /** Goes on where it was left when it is iterated again. */
  content(size: number): AsyncIterable<Uint8Array> {
    let left = size;
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      if (left === 0) return { done: true, value: undefined };
      const value = await this.#some(left);
      left -= value.length;
      return { done: false, value };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** To the very end, because only there the cipher knows that the file was whole. */
  async drain(): Promise<void> {
    while (!(await this.#chunks.next()).done);
  }
}

function meta(type: 'ExtendedHeader' | 'NextFileHasLongPath' | 'NextFileHasLongLinkpath', text: string): Uint8Array {
  const body = Buffer.from(text);
  const path = type === 'ExtendedHeader' ? 'PaxHeader/holdfast' : '././@LongLink';
  return Buffer.concat([
    headerBlock({ type, path, mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: new Date(0) }),
    body,
    padding(body.length),
  ]);
}

function headerBlock(fields: ConstructorParameters<typeof Header>[0]): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  new Header(fields).encode(block);
  return block;
}

/** "LENGTH KEY=VALUE\n", where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes;
  while (length !== bytes + String(length).length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function parsePax(text: Buffer): Fields {
  const fields: Fields = {};
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(' ', at);
    const length = Number(text.toString('latin1', at, space));
    const equals = text.indexOf('=', space);
    if (!(Number.isSafeInteger(length) && space < equals && equals < at + length && at + length <= text.length))
      fail('malformed', 'a pax record in the backup is damaged');
    const key = text.toString('latin1', space + 1, equals);
    if (key === 'path' || key === 'linkpath' || key === 'mtime' || key === 'size')
      fields[key] = cString(text.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return fields;
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
  } catch {
    return fail('malformed', 'a name in the backup is not UTF-8');
  }
}

/** What readers see that do not know long names. */
function shortened(path: string): string {
  let text = path.slice(0, NAME_BYTES_MAX);
  while (Buffer.byteLength(text) > NAME_BYTES_MAX) text = text.slice(0, -1);
  return text;
}

const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

function floorSeconds(ns: bigint): number {
  return Number((ns - (((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND)) / NS_PER_SECOND);
}

function spellSeconds(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  return `${ns < 0n ? '-' : ''}${size / NS_PER_SECOND}.${String(size % NS_PER_SECOND).padStart(9, '0')}`;
}

function parseSeconds(text: string): bigint {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match === null) return fail('malformed', 'a time in the backup is no time');
  const size = BigInt(match[2] as string) * NS_PER_SECOND + BigInt((match[3] ?? '').padEnd(9, '0'));
  return match[1] === '-' ? -size : size;
}
