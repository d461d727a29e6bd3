import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fromUtf8, type Id, utf8 } from '../../src/base/bytes.ts';
import type { AccountEvent } from '../../src/quorum/record.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { RECOVERY_CODE, slotId } from '../../src/vault/slot.ts';
import { anyId, anyPlace, anyProof, anyRecord, anySigned } from './records.ts';

let directory: string;
let store: Store;
let unreadable: Id[];
const open = async () => {
  store = await openStore(directory, (slot) => unreadable.push(slot));
};
const reopen = async () => {
  await store.close();
  await open();
};
/** What an attacker or a bad disk does behind the store's back. */
const tamper = (sql: string, ...values: (string | Uint8Array)[]) => {
  const database = new DatabaseSync(join(directory, 'holdfast.db'));
  const { changes } = database.prepare(sql).run(...values);
  database.close();
  expect(changes).toBeGreaterThan(0);
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
  unreadable = [];
  await open();
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

describe('records', () => {
  test('what was saved is loaded, the last one only, also after a restart', async () => {
    const { slot, record } = anyRecord();
    expect(await store.load(slot)).toBeUndefined();
    await store.save(slot, record);
    const full = {
      ...record,
      ...anyProof(),
      confirmation: { votes: [anySigned()], confirm: anySigned() },
      lock: [anySigned(), anySigned()],
      cancels: [{ by: anyPlace(), cancel: anySigned() }],
      registerVote: anySigned(),
      activationAck: anySigned(),
      lockStatement: anySigned(),
      lockSince: 1_700_000_000_000,
      erased: true,
      announcements: [{ digest: anyId(), generation: 7, since: 5 }],
    };
    await store.save(slot, full);
    expect(await store.load(slot)).toEqual(full);
    await reopen();
    expect(await store.load(slot)).toEqual(full);
    expect(await store.counts()).toEqual({ slots: 1, due: 0 });
  });

  test('a row that does not parse costs its slot, not the process, and can be saved anew', async () => {
    const [bad, good] = [anyRecord(), anyRecord()];
    await store.save(bad.slot, bad.record);
    await store.save(good.slot, good.record);
    tamper('UPDATE slots SET proof = \'{"standing":1}\' WHERE slot = ?', Buffer.from(bad.slot, 'hex'));
    expect(await store.load(bad.slot)).toBeUndefined();
    expect(await store.load(good.slot)).toEqual(good.record);
    expect((await store.changesAfter(0, 10)).changes.map(({ slot }) => slot)).toEqual([good.slot]);
    expect(unreadable).toEqual([bad.slot, bad.slot]);
    await store.save(bad.slot, bad.record);
    expect(await store.load(bad.slot)).toEqual(bad.record);
  });

  test("a row copied to another slot is not that slot's record", async () => {
    const [from, to] = [anyRecord(), anyRecord()];
    await store.save(from.slot, from.record);
    await store.save(to.slot, to.record);
    const { proof, own } = new DatabaseSync(join(directory, 'holdfast.db'), { readOnly: true })
      .prepare('SELECT proof, own FROM slots WHERE slot = ?')
      .get(Buffer.from(from.slot, 'hex')) as { proof: string; own: string };
    tamper('UPDATE slots SET proof = ?, own = ? WHERE slot = ?', proof, own, Buffer.from(to.slot, 'hex'));
    expect(await store.load(to.slot)).toBeUndefined();
    expect(unreadable).toEqual([to.slot]);
  });

  test('a file of another version is refused', async () => {
    await store.close();
    const database = new DatabaseSync(join(directory, 'holdfast.db'));
    database.exec('PRAGMA user_version = 4');
    database.close();
    await expect(open()).rejects.toMatchObject({ code: 'configuration' });
    const mend = new DatabaseSync(join(directory, 'holdfast.db'));
    mend.exec('PRAGMA user_version = 5');
    mend.close();
    await open();
  });
});

describe('changes', () => {
  test('each slot stands once, at its latest proof, and pages join without gap or repetition', async () => {
    const all = Array.from({ length: 7 }, () => anyRecord());
    for (const { slot, record } of all) await store.save(slot, record);
    const [first] = all as [(typeof all)[0]];
    const changed = { ...first.record, ...anyProof() };
    await store.save(first.slot, changed);
    const seen: Id[] = [];
    let cursor = 0;
    for (;;) {
      const page = await store.changesAfter(cursor, 3);
      if (page.changes.length === 0) break;
      expect(page.changes.every((change) => change.cursor > cursor)).toBe(true);
      seen.push(...page.changes.map(({ slot }) => slot));
      cursor = page.next;
    }
    expect(seen).toEqual([...all.slice(1).map(({ slot }) => slot), first.slot]);
    expect((await store.changesAfter(cursor, 3)).head).toBe(cursor);
    const [last] = (await store.changesAfter(cursor - 1, 1)).changes;
    expect(last?.proof).toEqual({ standing: changed.standing, attempt: changed.attempt });
  });

  test("a member's own votes are nothing to tell others", async () => {
    const { slot, record } = anyRecord();
    await store.save(slot, record);
    const { next } = await store.changesAfter(0, 10);
    await store.save(slot, { ...record, attemptVote: anySigned() });
    expect((await store.changesAfter(next, 10)).changes).toEqual([]);
    const place = anyPlace();
    await store.save(anyRecord(place).slot, { place, registerVote: anySigned() });
    const page = await store.changesAfter(next, 10);
    expect(page.changes).toEqual([]);
    expect(page.next, 'the reader goes past what is not told').toBe(page.head);
  });

  test('cursors go on rising after a restart', async () => {
    const [a, b] = [anyRecord(), anyRecord()];
    await store.save(a.slot, a.record);
    const { next } = await store.changesAfter(0, 1);
    await reopen();
    await store.save(b.slot, b.record);
    expect((await store.changesAfter(next, 1)).changes[0]?.slot).toBe(b.slot);
  });
});

describe('events', () => {
  const { slot, record } = anyRecord();
  const account = record.place.account;
  const digest = anyId();
  const guess = (attempt: number): AccountEvent => ({ account, slot, kind: 'guess', generation: 1, digest, attempt, time: 1000 + attempt });

  test('newest first, of this account only, and of each kind no more than a few dozen are kept', async () => {
    const other = anyRecord();
    await store.save(other.slot, other.record, { event: { ...guess(0), account: other.record.place.account } });
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.save(slot, record, { event: guess(i) })));
    expect(await store.events(account, 2)).toEqual([guess(299), guess(298)]);
    const kept = await store.events(account, 1000);
    expect(kept).toHaveLength(24);
    expect(kept.at(-1)).toEqual(guess(276));
  });

  test('no number of events of one kind, or at another way in, hides what happened', async () => {
    const kinds = ['registered', 'announced', 'cancelled', 'success', 'locked', 'guess'] as const;
    const happened = kinds.map((kind, i) => ({ ...guess(i), kind }));
    for (const event of happened) await store.save(slot, record, { event });
    const place = { ...record.place, way: RECOVERY_CODE };
    const own = { slot: slotId(place), record: { place } };
    for (const kind of kinds)
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => store.save(own.slot, own.record, { event: { ...guess(i), kind, slot: own.slot, time: i } })),
      );
    const told = await store.events(account, 200);
    for (const event of happened) expect(told).toContainEqual(event);
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.save(slot, record, { event: guess(i + 10) })));
    const later = await store.events(account, 200);
    for (const event of happened.filter(({ kind }) => kind !== 'guess')) expect(later).toContainEqual(event);
    expect(later.length).toBeLessThanOrEqual(200);
  });
});

describe('members', () => {
  test('the highest sequence of another member is kept, over all of u64', async () => {
    const node = anyId();
    expect(await store.seen(node)).toBe(0n);
    const high = 2n ** 63n + 5n;
    const shown = (sequence: bigint) => ({ node, sequence, by: { bytes: utf8(`${sequence}`), signature: new Uint8Array(64).fill(7) } });
    const remembered = async () => (await store.memory()).map(({ bytes }) => fromUtf8(bytes));
    await store.saw([shown(7n), shown(high)]);
    await store.saw([shown(high - 1n)]);
    expect(await store.seen(node)).toBe(high);
    expect(await remembered(), 'with the statement that shows it').toEqual([`${high}`]);
    await reopen();
    expect(await store.seen(node)).toBe(high);
    await store.saw([shown(2n ** 64n - 1n)]);
    expect(await store.seen(node)).toBe(2n ** 64n - 1n);
    expect(await remembered()).toEqual([`${2n ** 64n - 1n}`]);
  });

  test('a cursor is kept beside it and may go back', async () => {
    const node = anyId();
    await store.keepCursor(node, 41);
    await store.saw([{ node, sequence: 3n, by: { bytes: utf8('three'), signature: new Uint8Array(64) } }]);
    await store.keepCursor(node, 0);
    expect([await store.cursor(node), await store.seen(node)]).toEqual([0, 3n]);
  });
});

describe('due', () => {
  test('the longest waiting first, once the time has come; without a time, never', async () => {
    const [late, soon, never] = [anyRecord(), anyRecord(), anyRecord()];
    await store.save(late.slot, late.record, { dueMs: 200 });
    await store.save(soon.slot, soon.record, { dueMs: 100 });
    await store.save(never.slot, never.record);
    expect(await store.due(99, 10)).toEqual([]);
    expect(await store.due(200, 10)).toEqual([soon.slot, late.slot]);
    expect(await store.due(200, 1)).toEqual([soon.slot]);
    expect(await store.nextDueMs()).toBe(100);
    await store.postpone(soon.slot, 300);
    await store.postpone(never.slot, 300);
    expect(await store.due(300, 10)).toEqual([late.slot, soon.slot]);
    await store.save(soon.slot, soon.record);
    expect(await store.due(300, 10)).toEqual([late.slot]);
    expect(await store.counts()).toEqual({ slots: 3, due: 1 });
  });
});

test('closing writes what waits, and refuses what comes later', async () => {
  const { slot, record } = anyRecord();
  const saved = store.save(slot, record);
  await store.close();
  await expect(saved).resolves.toBeUndefined();
  await expect(store.save(slot, record)).rejects.toMatchObject({ code: 'alarm' });
  await open();
  expect(await store.load(slot)).toEqual(record);
});
