/** What comes back from a backup's storage, which whoever writes there may have made. */
import { bech32 } from '@scure/base';
import { openWith, sealTo } from '../../../src/backup/age.ts';
import { parseHeader, spellHeader } from '../../../src/backup/header.ts';
import { recipientOf } from '../../../src/backup/key.ts';
import { openPayload, sealPayload } from '../../../src/backup/payload.ts';
import { readEntries, type Stored, spellEntries } from '../../../src/backup/tar.ts';
import { parseSeconds, spellSeconds } from '../../../src/backup/times.ts';
import { concatBytes, utf8 } from '../../../src/base/bytes.ts';
import { Secret } from '../../../src/base/secret.ts';
import { all } from '../../backup/streams.ts';
import { type Parser, textOf } from '../parser.ts';

const key = new Secret(new Uint8Array(32).fill(7));
const nothingRandom = (length: number) => new Uint8Array(length).fill(3);
const once = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
};

const header: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => {
    const recipient = bech32.encodeFromBytes('age', new Uint8Array(32).fill(9));
    const id = 'ab'.repeat(32);
    return [spellHeader({ recipient }), JSON.stringify({ type: 'holdfast/backup/v1', fleet: id, entry: id, slot: id, recipient })];
  },
  read: (bytes) => spellHeader(parseHeader(textOf(bytes))),
};

const age: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: async () => [await all(sealTo(await recipientOf(key), once(utf8('a backup')), nothingRandom))],
  async read(bytes) {
    await all(openWith(key, once(bytes)));
    return bytes;
  },
};

const fileKey = new Uint8Array(16).fill(5);
const payload: Parser = {
  spelling: 'one',
  refuses: ['malformed'],
  seeds: async () => [await all(sealPayload(fileKey, once(utf8('a backup')), nothingRandom))],
  async read(bytes) {
    const [salt, sealed] = [bytes.slice(0, 16), bytes.slice(16)];
    if (salt.length < 16) return undefined;
    const plain = await all(openPayload(fileKey, salt, once(sealed)));
    return all(sealPayload(fileKey, once(plain), () => salt));
  },
};

const entryOf = (path: string, own: Partial<Stored> = {}): Stored => ({
  kind: 'file',
  path,
  mode: 0o644,
  mtimeNs: 1_500_000_001n,
  size: 0,
  uid: 0,
  gid: 0,
  ...own,
});

/** Entries with their content, written again. */
const tar: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  async seeds() {
    const content = utf8('hello');
    const entries: Stored[] = [
      entryOf('./', { kind: 'directory', mode: 0o755 }),
      entryOf('./a', { size: content.length, content: once(content) }),
      entryOf('./b', { kind: 'link', linkPath: './a' }),
      entryOf('./c', { kind: 'symlink', linkPath: 'a' }),
    ];
    const stream = async function* () {
      yield* entries;
    };
    return [await all(spellEntries(stream()))];
  },
  async read(bytes) {
    const entries: Stored[] = [];
    for await (const { entry, content } of readEntries(once(bytes))) {
      const held = await all(content);
      if (held.length !== entry.size) throw new Error('an entry has more or less content than it says');
      entries.push({ ...entry, uid: 0, gid: 0, ...(entry.kind === 'file' && { content: once(held) }) });
    }
    const stream = async function* () {
      yield* entries;
    };
    return concatBytes(await all(spellEntries(stream())));
  },
};

const seconds: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => ['0', '-1.5', '1700000000.123456789'],
  read: (bytes) => spellSeconds(parseSeconds(textOf(bytes))),
};

export const backup = { header, age, payload, tar, seconds };
