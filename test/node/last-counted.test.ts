/** The time since a slot's last guess: what it is counted from, and that it takes no memory for what nobody asks about. */
import { expect, test } from 'vitest';
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import { LastCounted } from '../../src/node/last-counted.ts';
import { NEW_COUNTERS } from '../../src/quorum/counters.ts';

const SLOT = NO_ID;
const at = (active: number, tried: number, cleared = 0) => ({ ...NEW_COUNTERS, active, tried, cleared });

function counted() {
  const time = { ms: 1000 };
  return { time, last: new LastCounted(60_000, () => time.ms) };
}

test('what was counted before the process began is taken to be as late as that', () => {
  const { time, last } = counted();
  expect(last.sinceMs(SLOT)).toBe(0);
  time.ms += 500;
  expect(last.sinceMs(SLOT)).toBe(500);
});

test('a guess begins it anew, a vote for a registration does not, a confirmation ends it', () => {
  const { time, last } = counted();
  time.ms += 5000;
  last.note(SLOT, at(1, 0), at(1, 1));
  time.ms += 300;
  expect(last.sinceMs(SLOT)).toBe(300);
  last.note(SLOT, at(1, 1), { ...at(1, 1), voted: 2 });
  expect(last.sinceMs(SLOT)).toBe(300);
  last.note(SLOT, at(1, 1), at(1, 1, 1));
  expect(last.sinceMs(SLOT)).toBe(5300);
});

test('what is older than anybody asks about is forgotten, and is then at least as long ago', () => {
  const { time, last } = counted();
  const other = 'ab'.repeat(32) as Id;
  last.note(SLOT, at(1, 0), at(1, 1));
  time.ms += 60_001;
  last.note(other, at(1, 0), at(1, 1));
  expect(last.sinceMs(SLOT)).toBeGreaterThan(60_000);
  expect(last.sinceMs(other)).toBe(0);
});
