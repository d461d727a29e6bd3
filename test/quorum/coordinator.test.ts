/** What a coordinator counts, whom it teaches, and what it passes on: it decides nothing, and no liar decides through it. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import type { Ask, Reply } from '../../src/quorum/ask.ts';
import { coordinateAttempt } from '../../src/quorum/coordinator/attempt.ts';
import { coordinateConfirm } from '../../src/quorum/coordinator/confirm.ts';
import type { Arrival, Talk } from '../../src/quorum/coordinator/conversation.ts';
import { coordinateLock } from '../../src/quorum/coordinator/lock.ts';
import { coordinateStatus } from '../../src/quorum/coordinator/status.ts';
import { startsOf } from '../../src/quorum/member/memory.ts';
import { proofOf } from '../../src/store/row.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import type { Signed } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
const EPOCH = 1n << 32n;
const patience = { startMs: 0, lingerMs: 0, limitMs: 100 };
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

interface Around {
  /** In the order in which they answer. */
  readonly reached?: readonly BenchMember[];
  readonly seen?: ReadonlyMap<Id, bigint>;
  /** Whose record is taught. */
  readonly self?: BenchMember;
  /** How many others tell their proofs. */
  readonly tell?: number;
  readonly instead?: (ask: Ask, member: BenchMember) => Reply | undefined;
}

/** Each arrival takes a millisecond. */
function converse<T>(talk: Talk<T>, { reached = bench.members, seen = new Map(), self = a, tell = 2, instead }: Around = {}): T {
  const inbox: Arrival[] = [];
  let now = 0;
  const asked = (to: Id, ask: Ask) => {
    const member = reached.find(({ key }) => key.id === to);
    const reply = member && (instead?.(ask, member) ?? member.ask(ask as Parameters<BenchMember['ask']>[0], 2));
    inbox.push({ from: to, reply });
    const order = (id: Id) => reached.findIndex(({ key }) => key.id === id);
    inbox.sort((one, two) => order(one.from) - order(two.from));
  };
  let step = talk.next();
  while (!step.done) {
    const effect = step.value;
    switch (effect.kind) {
      case 'ask':
        asked(effect.to, effect.ask);
        step = talk.next();
        break;
      case 'teach': {
        const record = self.records.get(effect.slot);
        const member = reached.find(({ key }) => key.id === effect.to);
        if (record) member?.learn(proofOf(record));
        asked(effect.to, effect.ask);
        step = talk.next();
        break;
      }
      case 'next':
        now += 1;
        step = talk.next({ arrival: now > effect.untilMs ? undefined : inbox.shift(), now });
        break;
      case 'learn':
        step = talk.next(tell);
        break;
      case 'seen':
        step = talk.next(seen.get(effect.node) ?? 0n);
        break;
    }
  }
  return step.value;
}

describe('an attempt', () => {
  const attempt = (number: number, around: Around = {}) => {
    const ask = bench.attempt('attempt-vote', deal, number, element(number)) as Extract<Ask, { op: 'attempt-vote' }>;
    return converse(coordinateAttempt(bench.fleet, bench.keys.verify, ask, patience), around);
  };
  const voters = (votes: readonly Signed[]) => votes.map(({ bytes }) => decodeMessage('node/attempt-vote', bytes).signer);

  it('is carried by the others when a liar is first with nonsense', () => {
    const nonsense = { bytes: new Uint8Array([1]), signature: new Uint8Array(64) };
    const { votes } = attempt(1, { instead: (_, member) => (member === a ? nonsense : undefined) });
    expect(voters(votes)).toEqual([b.key.id, c.key.id]);
  });

  it.each([
    ['vote', (node: Id) => node],
    ['hello', startsOf],
  ])('leaves out a vote from before a restart that this node knows of by a %s', (_, under) => {
    const { votes } = attempt(1, { seen: new Map([[under(a.key.id), 2n * EPOCH]]) });
    expect(voters(votes)).toEqual([b.key.id, c.key.id]);
  });

  it('goes on with a member that has not heard of the number before', () => {
    bench.guess(deal, 1, element(1), [a, b]);
    expect(voters(attempt(2, { reached: [b, c] }).votes)).toEqual([b.key.id, c.key.id]);
  });
});

it('a status is asked again of a member that was behind', () => {
  const votes = bench.guess(deal, 1, element(1), [a, b]);
  expect(votes).toHaveLength(2);
  const { slot } = deal.registration;
  const authorised = bench.request('status', deal.registration, 0, deal.registration.digest);
  const { said: all } = converse(coordinateStatus(bench.fleet, bench.keys.verify, authorised, a.records.get(slot), patience), {
    reached: [c, a, b],
  });
  const tried = all.map(({ signed }) => decodeMessage('node/status', signed.bytes).tried);
  expect(tried.every((count) => count === 1)).toBe(true);
});

it('a success that a quorum took reaches a member that stated a lock alone', () => {
  for (const attempt of [1, 2]) bench.guess(deal, attempt, element(attempt), [a, b]);
  const votes = bench.guess(deal, 3, element(3), [a, b]);
  said(a.ask({ op: 'lock', place: deal.registration.core.place }, 2));
  const { confirmed } = bench.confirm(deal, 3, votes) as Extract<Ask, { op: 'confirm' }>;
  converse(coordinateConfirm(bench.fleet, bench.keys.verify, confirmed, patience));
  expect(a.counters.get(deal.registration.slot)).toMatchObject({ cleared: 3, locked: false });
});

describe('a lock', () => {
  const lock = (around: Around = {}) =>
    converse(coordinateLock(bench.fleet, bench.keys.verify, deal.registration.core.place, patience), around);

  it('is sought after more others have told their successes than may lie', () => {
    for (const attempt of [1, 2, 3]) bench.guess(deal, attempt, element(attempt), [a, b, c]);
    expect(lock({ tell: 1 })).toBeUndefined();
    expect(bench.members.every((member) => !member.counters.get(deal.registration.slot)?.locked)).toBe(true);
    expect(lock({ tell: 2 })).toHaveLength(2);
  });
});
