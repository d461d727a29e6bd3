/** What a member takes from others, or remembers of them, proves itself (src/quorum/member/learn.ts, rollback.ts). */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { isRefusal } from '../../src/quorum/ask.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import type { Signed } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
const EPOCH = 1n << 32n;
let bench: Bench;
let deal: Deal;
let slot: Id;
let a: BenchMember;
let b: BenchMember;
let c: BenchMember;

beforeEach(() => {
  bench = new Bench();
  deal = bench.deal(1);
  ({ slot } = deal.registration);
  bench.stand(deal);
  [a, b, c] = bench.members;
});

const attemptOf = (member: BenchMember) => {
  const [vote] = member.records.get(slot)?.attempt?.votes ?? [];
  return vote && decodeMessage('node/attempt-vote', vote.bytes).attempt;
};

describe('a certified attempt', () => {
  it('is counted where no vote was asked for', () => {
    c.learn({ attempt: { votes: bench.votes(deal, 1, element(1), [a, b]) } });
    expect(c.counters.get(slot)).toMatchObject({ tried: 1 });
    expect(attemptOf(c)).toBe(1);
  });

  it('shows what its voters counted, also where it cannot be counted itself', () => {
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    c.records.clear();
    c.seen.clear();
    c.learn({ attempt: { votes } });
    for (const member of [a, b]) expect(c.seen.get(member.key.id)).toBe(member.sequence);
  });

  it('of votes from before a restart is counted, and never answered', () => {
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    c.seen.set(b.key.id, 2n * EPOCH);
    c.learn({ attempt: { votes } });
    expect(c.counters.get(slot)).toMatchObject({ tried: 1 });
    expect(attemptOf(c)).toBeUndefined();
  });

  it('does not take the place of a later one', () => {
    const first = bench.guess(deal, 1, element(1), [a, b]);
    const second = bench.guess(deal, 2, element(2), [a, b]);
    c.learn({ attempt: { votes: second } });
    for (const votes of [first, second]) {
      c.learn({ attempt: { votes } });
      expect(c.did).not.toContain('save');
    }
    expect(attemptOf(c)).toBe(2);
    expect(c.counters.get(slot)).toMatchObject({ tried: 2 });
  });

  it('is of one element: votes that a split number got for several are none', () => {
    const [one] = bench.votes(deal, 1, element(1), [a]) as [Signed];
    const [two] = bench.votes(deal, 1, element(2), [b]) as [Signed];
    const code = (run: () => unknown) => {
      try {
        run();
        return undefined;
      } catch (error) {
        return error instanceof HoldfastError ? error.code : error;
      }
    };
    expect(code(() => c.learn({ attempt: { votes: [one, two] } }))).toBe('not-certified');
    expect(code(() => c.ask(bench.confirm(deal, 1, [one, two])))).toBe('not-certified');
    expect(c.changed).toBe(false);
  });
});

it('what comes into force shows what its voters counted', () => {
  const next = bench.deal(2);
  const standing = bench.standing(next, bench.replacing(next, deal));
  c.seen.clear();
  said(c.ask({ op: 'activate', standing }));
  for (const member of [a, b]) expect(c.seen.get(member.key.id)).toBeGreaterThan(EPOCH);
});

describe('in quarantine a member votes', () => {
  const votes = (newSince: ReadonlyMap<Id, bigint>): boolean => {
    c.standing = { newSince };
    return !isRefusal(c.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
  };
  /** Sequences of the register votes that put it in force. */
  const sequences = () =>
    new Map(
      (c.records.get(slot)?.standing?.votes ?? []).map(({ bytes }) => {
        const { signer, sequence } = decodeMessage('node/register-vote', bytes);
        return [signer, sequence] as const;
      }),
    );

  it('on a registration that all its voters voted for afterwards', () => {
    expect(votes(new Map([...sequences()].map(([signer, sequence]) => [signer, sequence - 1n])))).toBe(true);
  });

  it('on none that one of them voted for before', () => {
    const [first, second] = [...sequences()] as [[Id, bigint], [Id, bigint]];
    expect(votes(new Map([first, [second[0], second[1] - 1n]]))).toBe(false);
    expect(c.changed).toBe(false);
  });

  it('on none where one of them has not answered yet', () => {
    const [[signer, sequence]] = [...sequences()] as [[Id, bigint]];
    expect(votes(new Map([[signer, sequence - 1n]]))).toBe(false);
  });

  it('for no registration', () => {
    c.standing = { newSince: new Map() };
    const next = bench.deal(2);
    expect(c.ask(bench.register(next, bench.replacing(next, deal)))).toMatchObject({ refused: 'quarantined' });
  });
});
