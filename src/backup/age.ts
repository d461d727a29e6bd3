/**
 * age files (age-encryption.org/v1) as streams: the header by the age-encryption package, the payload by payload.ts.
 *
 * The package keeps the file key to itself, but lets callers add recipients of their own: one that wraps nothing sees the key
 * and leaves no stanza. So the header is that of an empty file which is thrown away; its payload had a nonce of its own, so
 * the payload key made here is a fresh one.
 */
import { Decrypter, Encrypter } from 'age-encryption';
import { assert, fail, HoldfastError } from '../base/errors.ts';
import { type Random, systemRandom } from '../base/ports.ts';
import type { BlockMemory } from './chunks.ts';
import { type BackupKey, identityOf } from './key.ts';
import { openPayload, PAYLOAD_NONCE_BYTES, sealPayload } from './payload.ts';

/** An empty payload: nonce and the tag of one empty chunk. */
const EMPTY_PAYLOAD_BYTES = PAYLOAD_NONCE_BYTES + 16;
/** Far above the 200 bytes of a header for one recipient, far below what would hurt to hold. */
const HEADER_BYTES_MAX = 65_536;

/** @param recipient "age1..." */
export async function* sealTo(
  recipient: string,
  plain: AsyncIterable<Uint8Array>,
  random: Random = systemRandom,
): AsyncGenerator<Uint8Array> {
  let fileKey: Uint8Array | undefined;
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = key;
      return [];
    },
  });
  const empty = await encrypter.encrypt(new Uint8Array(0));
  assert(fileKey !== undefined, 'age-encryption wraps the file key for every recipient');
  yield empty.subarray(0, -EMPTY_PAYLOAD_BYTES);
  yield* sealPayload(fileKey, plain, random);
}

/**
 * @param memory may be given that of what was yielded, once it is done with
 * @throws `malformed` for what is not a whole age file for this key, at the latest when the stream ends
 */
export async function* openWith(key: BackupKey, sealed: AsyncIterable<Uint8Array>, memory?: BlockMemory): AsyncGenerator<Uint8Array> {
  const chunks = sealed[Symbol.asyncIterator]();
  try {
    const { header, salt, rest } = await readHeader(chunks);
    const fileKey = await openHeader(key, header);
    yield* openPayload(fileKey, salt, continued(rest, chunks), memory);
  } finally {
    await chunks.return?.();
  }
}

async function openHeader(key: BackupKey, header: Uint8Array): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identityOf(key).reveal());
  try {
    return await decrypter.decryptHeader(header);
  } catch (cause) {
    return fail('malformed', 'the age file is damaged, or was made for another key', {}, cause);
  }
}

/** The header ends with the line "--- MAC" ("Header"); the payload's nonce follows. */
async function readHeader(chunks: AsyncIterator<Uint8Array>): Promise<{ header: Uint8Array; salt: Uint8Array; rest: Uint8Array }> {
  let read = Buffer.alloc(0);
  for (;;) {
    const macLine = read.indexOf('\n--- ');
    const end = macLine < 0 ? -1 : read.indexOf('\n', macLine + 1) + 1;
    if (end > 0 && read.length >= end + PAYLOAD_NONCE_BYTES) {
      const payload = end + PAYLOAD_NONCE_BYTES;
      return { header: read.subarray(0, end), salt: read.subarray(end, payload), rest: read.subarray(payload) };
    }
    if (read.length > HEADER_BYTES_MAX) fail('malformed', 'this is not an age file: its header has no end');
    const next = await chunks.next();
    if (next.done) throw new HoldfastError('malformed', 'this is not an age file, or it is cut short');
    read = Buffer.concat([read, next.value]);
  }
}

async function* continued(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
