/** A lock ends what can be recovered: what a member asks before it states one, believes one, or erases a share. */
import { beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { isRefusal } from '../../src/quorum/ask.ts';
import { erase } from '../../src/quorum/member/lock.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
const EPOCH = 1n << 32n;
let bench: Bench;
let deal: Deal;
let a: BenchMember;
let b: BenchMember;
let c: BenchMember;

beforeEach(() => {
  bench = new Bench();
  deal = bench.deal(1);
  bench.stand(deal);
  [a, b, c] = bench.members;
});

const useUp = () => {
  for (const attempt of [1, 2, 3]) bench.guess(deal, attempt, element(attempt), [a, b]);
};
const place = () => deal.registration.core.place;
const asked = (member: BenchMember, heard = 2): string => {
  const reply = member.ask({ op: 'lock', place: place() }, heard);
  return isRefusal(reply) ? reply.refused : 'stated';
};
const statement = (by: BenchMember, counts: { cleared: number; tried: number }): Signed => {
  const { slot, generation, digest } = deal.registration;
  const fields = { fleet: bench.fleet.id, signer: by.key.id, slot, generation, digest, ...counts, sequence: by.sequence };
  return signMessage('node/lock-statement', fields, by.key.sign);
};
const certificate = () => [a, b].map((member) => said(member.ask({ op: 'lock', place: place() }, 2)));
const lockOf = (member: BenchMember) => member.records.get(deal.registration.slot)?.lock;
const codeOf = (run: () => void): string | undefined => {
  try {
    return void run();
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
};

describe('a member states a lock', () => {
  it('only when all guesses are used up', () => {
    for (const attempt of [1, 2]) bench.guess(deal, attempt, element(attempt), [a, b]);
    expect(asked(a)).toBe('attempt-out-of-range');
    expect(a.changed).toBe(false);
  });

  it('only with the right to vote', () => {
    useUp();
    a.standing = { newSince: new Map() };
    expect(asked(a)).toBe('quarantined');
  });

  it('only when the success of the last guess would have come', () => {
    useUp();
    bench.lockDelayMs = 1000;
    a.sinceCountedMs = 499;
    expect(asked(a)).toBe('cooling-off');
    a.sinceCountedMs = 500;
    expect(asked(a)).toBe('stated');
  });

  it('and takes no more of others, once it is written down', () => {
    useUp();
    expect(asked(a)).toBe('stated');
    expect(a.counters.get(deal.registration.slot)).toMatchObject({ locked: true });
  });
});

describe('a lock', () => {
  it('is certified by statements of equal counters only', () => {
    useUp();
    const unequal = [statement(a, { cleared: 0, tried: 3 }), statement(b, { cleared: 1, tried: 3 })];
    expect(codeOf(() => c.learn({ lock: unequal }))).toBe('not-certified');
    expect(lockOf(c)).toBeUndefined();
    c.learn({ lock: certificate() });
    expect(lockOf(c)).toBeDefined();
    expect(c.counters.get(deal.registration.slot)).toMatchObject({ tried: 3, locked: true });
  });

  it('is not believed with a statement from before a restart of its member', () => {
    useUp();
    const lock = certificate();
    c.seen.set(a.key.id, 2n * EPOCH);
    c.learn({ lock });
    expect(lockOf(c)).toBeUndefined();
    expect(c.counters.get(deal.registration.slot)).toMatchObject({ locked: false });
  });

  it('is remembered with its statements: they show what its members counted', () => {
    useUp();
    const lock = certificate();
    c.seen.clear();
    c.learn({ lock });
    for (const member of [a, b]) expect(c.seen.get(member.key.id)).toBe(member.sequence);
  });
});

describe('a share', () => {
  const erased = (member: BenchMember) => member.drive(erase(member.member, place()));
  const recordOf = (member: BenchMember) => member.records.get(deal.registration.slot) ?? expect.fail('no record');

  beforeEach(() => {
    useUp();
    c.learn({ lock: certificate() });
  });

  it('is erased after the grace time and no earlier', () => {
    const { slot } = deal.registration;
    const record = recordOf(c);
    const { lockSince: _, ...unmarked } = record;
    c.records.set(slot, unmarked);
    expect(erased(c)).toBe(false);
    c.records.set(slot, { ...record, lockSince: c.member.now + 1 });
    expect(erased(c)).toBe(false);
    c.records.set(slot, record);
    expect(erased(c)).toBe(true);
    expect(recordOf(c).erased).toBe(true);
  });

  it('of a later registration is not erased by the lock of an earlier one', () => {
    const { lock } = recordOf(c);
    const next = bench.deal(2);
    bench.stand(next, bench.replacing(next, deal));
    c.records.set(deal.registration.slot, { ...recordOf(c), lock: lock ?? [], lockSince: 0 });
    expect(erased(c)).toBe(false);
  });
});
