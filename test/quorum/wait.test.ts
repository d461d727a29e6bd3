/** Guesses at a passcode wait for the tenant's delay: what one member does, and what a client believes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_ID } from '../../src/base/bytes.ts';
import { isRefusal, type Reply } from '../../src/quorum/ask.ts';
import { believedMs } from '../../src/quorum/client/wait.ts';
import { decodeMessage, type Message } from '../../src/wire/message.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
/** None after the first wrong guess, five seconds after the second, a minute after all further. */
const DELAYS_MS = [0, 5_000, 60_000];
let bench: Bench;
let deal: Deal;
let a: BenchMember;
let b: BenchMember;
let c: BenchMember;

beforeEach(() => {
  bench = new Bench();
  deal = bench.deal(1);
  bench.stand(deal);
  bench.guessDelaysMs = DELAYS_MS;
  [a, b, c] = bench.members;
});

const guess = (attempt: number) => bench.guess(deal, attempt, element(attempt), [a, b]);
const vote = (attempt: number, byte = attempt): Reply => a.ask(bench.attempt('attempt-vote', deal, attempt, element(byte)));

function refusedFor(reply: Reply): Message<'node/wait'> {
  if (!isRefusal(reply) || reply.statement === undefined) return expect.fail('it was counted');
  expect(reply.refused).toBe('rate-limited');
  return decodeMessage('node/wait', reply.statement.bytes);
}

describe('a guess', () => {
  it('is counted at once after as many wrong ones as the tenant lets pass', () => {
    guess(1);
    guess(2);
  });

  it('too soon is refused by a signed word of how long it waits; nothing is changed, and it is counted when the delay is over', () => {
    guess(1);
    guess(2);
    a.sinceCountedMs = 1_000;
    expect(refusedFor(vote(3))).toMatchObject({ slot: deal.registration.slot, generation: 1, attempt: 3, waitMs: 4_000 });
    expect(a.changed).toBe(false);
    a.sinceCountedMs = 4_999.5;
    expect(refusedFor(vote(3)).waitMs).toBe(1);
    a.sinceCountedMs = 5_000;
    said(vote(3));
  });

  it('under a later number waits for that number: skipping one is no way round', () => {
    c.learn({ attempt: { votes: guess(1) } });
    bench.guess(deal, 2, element(2), [b, c]);
    const ask = bench.attempt('attempt-vote', deal, 3, element(9), bench.statuses(deal, [b, c]));
    expect(refusedFor(a.ask(ask))).toMatchObject({ attempt: 3 });
  });

  it('that was counted is told again at once: a lost reply costs no time', () => {
    guess(1);
    guess(2);
    expect(isRefusal(vote(2))).toBe(false);
  });

  it('that others certified is answered without a delay: they have waited', () => {
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    a.sinceCountedMs = 0;
    said(a.ask(bench.attempt('answer', deal, 1, element(1), votes)));
  });

  it('after a success waits for nothing', () => {
    guess(1);
    guess(2);
    for (const member of [a, b]) member.sinceCountedMs = 60_000;
    const votes = bench.votes(deal, 3, element(3), [a, b]);
    for (const member of [a, b]) member.sinceCountedMs = 0;
    said(a.ask(bench.confirm(deal, 3, votes)));
    said(vote(4));
  });

  it('is told how long it would wait, before it is made', () => {
    const wait = () =>
      decodeMessage(
        'node/wait',
        said(a.ask({ op: 'wait', ...bench.request('wait', { ...deal.registration, generation: 0, digest: NO_ID }, 0, NO_ID) })).bytes,
      );
    expect(wait()).toMatchObject({ attempt: 1, waitMs: 0 });
    guess(1);
    guess(2);
    expect(wait()).toMatchObject({ attempt: 3, waitMs: 5_000 });
    expect(a.changed).toBe(false);
  });
});

describe('a lock statement', () => {
  it('is not given before the confirmation of the last guess has had time, whoever asks', () => {
    bench.lockDelayMs = 10_000;
    bench.guessDelaysMs = [];
    for (const attempt of [1, 2, 3]) guess(attempt);
    const { place } = deal.registration.core;
    expect(a.ask({ op: 'lock', place }, 2)).toMatchObject({ refused: 'cooling-off' });
    expect(a.changed).toBe(false);
    a.sinceCountedMs = 10_000;
    said(a.ask({ op: 'lock', place }, 2));
  });
});

describe('a client', () => {
  const waits = (...ms: readonly number[]) => ms.map((waitMs) => ({ waitMs }) as Message<'node/wait'>);
  const believed = (...ms: readonly number[]) =>
    believedMs({ fleet: bench.fleet, place: deal.registration.core.place, verify: () => true }, waits(...ms));

  it('lets as many as may lie neither invent a wait nor lengthen one', () => {
    expect(believed(86_400_000)).toBe(0);
    expect(believed(86_400_000, 0, 0)).toBe(0);
    expect(believed(86_400_000, 4_000)).toBe(4_000);
    expect(believed(86_400_000, 4_000, 3_000)).toBe(4_000);
  });
});
