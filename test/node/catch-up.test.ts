/** Reading a peer's feed: one that never ends, or brings nothing good, or a slot that is busy, holds up nothing else. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { type Code, HoldfastError } from '../../src/base/errors.ts';
import type { Body } from '../../src/node/drive.ts';
import type { Floor } from '../../src/node/talk.ts';
import { catchUpTurn } from '../../src/node/tasks/catch-up.ts';
import type { ChangePage, Proof } from '../../src/quorum/record.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import type { MemberPort } from '../../src/web/ports.ts';

const [self, peer] = ['1', '2'].map((digit) => digit.repeat(64) as Id) as [Id, Id];
const slotOf = (n: number) => n.toString(16).padStart(64, '0') as Id;
const proof: Proof = {};
const never = new AbortController().signal;
const INTERVAL_MS = 1000;

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-catch-up-'));
  store = await openStore(folder, () => undefined);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** @param teach what becomes of each slot's proof here */
function reading(feed: (after: number) => ChangePage, teach: (slot: Id) => Code | undefined) {
  const traces: object[] = [];
  const taught: Id[] = [];
  let current: Id | undefined;
  const peerPort = {
    changes: async (after: number) => {
      const page = feed(after);
      return { ...page, changes: page.changes.map((change) => ({ ...change, proof: { ...proof, slot: change.slot } as Proof })) };
    },
    proofOf: async (slot: Id) => ({ ...proof, slot }) as Proof,
  };
  const own = {
    teach: async (told: Proof) => {
      current = (told as unknown as { slot: Id }).slot;
      const code = teach(current);
      if (code !== undefined) throw new HoldfastError(code, 'as the test says');
      taught.push(current);
    },
  };
  const floor = {
    at: (node: Id) => (node === self ? own : peerPort) as unknown as MemberPort,
    heard: () => undefined,
    unreachable: () => undefined,
  } as unknown as Floor;
  const body = { store, self, trace: (_: string, fields: object) => traces.push(fields) } as unknown as Body;
  let behind = 0;
  const how = { intervalMs: INTERVAL_MS, limitMs: 5000, about: (ms: number) => ms, behind: (_: Id, count: number) => (behind = count) };
  const turn = catchUpTurn(body, floor, peer, how);
  return { turn: () => turn(never), traces, taught, behind: () => behind };
}

const changesFrom = (after: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ cursor: after + i + 1, slot: slotOf(after + i + 1), proof }));

describe('a feed of a liar', () => {
  test('that brings nothing good is read ever more slowly, with a few words for each page', async () => {
    const endless = (after: number) => ({ changes: changesFrom(after, 100), next: after + 100, head: Number.MAX_SAFE_INTEGER });
    const { turn, traces } = reading(endless, () => 'not-certified');
    const pauses: number[] = [];
    for (let i = 0; i < 8; i += 1) pauses.push(await turn());
    expect(pauses).toEqual([2, 4, 8, 16, 32, 64, 64, 64].map((times) => times * INTERVAL_MS));
    expect(traces.length).toBeLessThanOrEqual(16);
  });

  test('that says each time that its disk is an older one is not read without pause', async () => {
    await store.keepCursor(peer, 50);
    const { turn } = reading(
      () => ({ changes: [], next: 0, head: 0 }),
      () => undefined,
    );
    expect(await turn()).toBeGreaterThanOrEqual(INTERVAL_MS);
    await store.keepCursor(peer, 50);
    expect(await turn()).toBeGreaterThanOrEqual(2 * INTERVAL_MS);
  });
});

test('a long feed that is good is read page by page to its head', async () => {
  const total = 250;
  const feed = (after: number) => {
    const changes = changesFrom(after, Math.min(100, total - after));
    return { changes, next: after + changes.length, head: total };
  };
  const { turn, taught, behind } = reading(feed, () => undefined);
  const pauses = [await turn(), await turn(), await turn()];
  expect(Math.max(...pauses.slice(0, 2))).toBeLessThan(100);
  expect(pauses[2]).toBe(INTERVAL_MS);
  expect(taught).toHaveLength(total);
  expect([await store.cursor(peer), behind()]).toEqual([total, 0]);
});

describe('a slot that is busy', () => {
  test('is set aside while the others go on, is not passed by the cursor that is kept, and is taken once it is free', async () => {
    let busy = true;
    const feed = (after: number) => {
      const changes = changesFrom(after, Math.max(0, Math.min(100, 150 - after)));
      return { changes, next: after + changes.length, head: 150 };
    };
    const { turn, taught, behind } = reading(feed, (slot) => (busy && slot === slotOf(7) ? 'overloaded' : undefined));
    await turn();
    await turn();
    expect(taught).toHaveLength(149);
    expect(await store.cursor(peer)).toBe(6);
    expect(behind()).toBe(1);
    busy = false;
    await turn();
    expect(taught).toContain(slotOf(7));
    expect(await store.cursor(peer)).toBe(150);
    await turn();
    expect(behind()).toBe(0);
  });
});
