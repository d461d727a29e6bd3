/** What stands in tokens in use must stay readable: every kind of object, byte for byte. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { concatBytes, type Id, toHex } from '../../../src/base/bytes.ts';
import { encodeCounters } from '../../../src/token/bank/entry.ts';
import { ALL_VOUCHED, type Body, encodeObject, type Kind } from '../../../src/token/bank/objects.ts';
import { slotKey } from '../../../src/token/bank/shelf.ts';
import { MemoryShelf } from './memory.ts';

const golden = JSON.parse(readFileSync(new URL('./objects.golden.json', import.meta.url), 'utf8')) as Record<string, string>;
const shelf = new MemoryShelf();
const bank = new Uint8Array(16).fill(0xba);
const key = slotKey(shelf, bank, '5'.repeat(64) as Id);
const counters = encodeCounters({ voted: 0x01020304, active: 3, tried: 2, cleared: 1, locked: true });
const seal = new Uint8Array(32).fill(0x5e);
const bodies: { [K in Kind]: Body<K> } = {
  page: { index: 1, pages: 3, version: 7n, entries: concatBytes(key.subarray(4), counters) },
  journal: {
    previous: seal,
    first: (2n << 32n) + 5n,
    last: (2n << 32n) + 5n,
    quarantine: false,
    vouched: (2n << 32n) + 3n,
    entries: concatBytes(key, counters),
  },
  root: {
    version: 9n,
    sequence: (2n << 32n) + 5n,
    anchor: 2n << 32n,
    anchorSeal: seal,
    quarantine: true,
    vouched: ALL_VOUCHED,
    pageBytes: 4096,
    pages: [{ through: (2n << 32n) + 1n, seal }],
  },
  digest: {
    previous: seal,
    end: seal,
    first: (2n << 32n) + 5n,
    last: (2n << 32n) + 9n,
    vouched: (2n << 32n) + 3n,
    entries: concatBytes(Uint8Array.of(0, 0, 0, 4), key, counters),
  },
  owner: { nonce: new Uint8Array(16).fill(1) },
};

it.each(Object.keys(bodies) as Kind[])('a %s is written as in objects.golden.json', (kind) => {
  expect(toHex(encodeObject((message) => shelf.mac(message), bank, kind, bodies[kind]).value)).toBe(golden[kind]);
});

it('a slot has the key of objects.golden.json', () => {
  expect(toHex(key)).toBe(golden['slot key']);
});
