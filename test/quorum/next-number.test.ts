/** A member follows one number at a time, or the word of more members than may lie. */
import { beforeEach, describe, expect, it } from 'vitest';
import { isRefusal, type Reply } from '../../src/quorum/ask.ts';
import { nextNumber, nextWithin } from '../../src/quorum/client/status.ts';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import type { Signed } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
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

const ask = (member: BenchMember, attempt: number, shown?: readonly Signed[], byte = 9): Reply =>
  member.ask(bench.attempt('attempt-vote', deal, attempt, element(byte), shown));
const counts = (reply: Reply) => !isRefusal(reply);
/** A liar says under its own key that it has counted this number. */
function lie(member: BenchMember, tried: number): Signed {
  const [status] = bench.statuses(deal, [member]);
  const bytes = encodeMessage('node/status', { ...decodeMessage('node/status', (status as Signed).bytes), tried });
  return { bytes, signature: member.key.sign(bytes) };
}

describe('a member', () => {
  it('counts nothing under the last number at once: one request does not use up all guesses', () => {
    expect(counts(ask(a, 3))).toBe(false);
    expect(a.changed).toBe(false);
    expect(counts(ask(a, 2))).toBe(false);
    expect(counts(ask(a, 1))).toBe(true);
  });

  it('goes on after a number that a quorum certified, and after a success', () => {
    const votes = bench.guess(deal, 1, element(1), [a, b]);
    expect(counts(ask(a, 2))).toBe(true);
    said(c.ask(bench.confirm(deal, 1, votes)));
    expect(counts(ask(c, 2))).toBe(true);
  });

  it('does not go on alone: after a number that only it counted it waits for others', () => {
    said(ask(a, 1));
    expect(counts(ask(a, 2))).toBe(false);
    expect(counts(ask(a, 2, bench.statuses(deal, [a])))).toBe(false);
    expect(a.changed).toBe(false);
  });

  it('does not go on alone after a later number than the one that a quorum certified', () => {
    bench.guess(deal, 1, element(1), [a, b]);
    said(ask(a, 2));
    expect(counts(ask(a, 3))).toBe(false);
    expect(a.changed).toBe(false);
  });

  it('goes on after a split vote on the word of more members than may lie', () => {
    said(ask(a, 1, [], 1));
    said(ask(b, 1, [], 2));
    const shown = bench.statuses(deal, [a, b]);
    for (const member of [a, b, c]) expect(counts(ask(member, 2, shown))).toBe(true);
  });

  it('follows over a gap that more members show than may lie, and over no larger one', () => {
    bench.guess(deal, 1, element(1), [a, b]);
    const early = bench.statuses(deal, [a, b]);
    bench.guess(deal, 2, element(2), [a, b]);
    const shown = bench.statuses(deal, [a, b]);
    expect(counts(ask(c, 3, early))).toBe(false);
    expect(counts(ask(c, 3, shown.slice(1)))).toBe(false);
    expect(counts(ask(c, 4, shown))).toBe(false);
    expect(c.changed).toBe(false);
    expect(counts(ask(c, 3, shown))).toBe(true);
  });

  it('is not led by one liar, however often it is shown, nor by statuses of another registration', () => {
    const one = lie(b, 2);
    expect(counts(ask(c, 3, [one, one, one]))).toBe(false);
    const forged = { bytes: lie(a, 2).bytes, signature: b.key.sign(lie(a, 2).bytes) };
    expect(counts(ask(c, 3, [one, forged]))).toBe(false);
    for (const attempt of [1, 2]) bench.guess(deal, attempt, element(attempt), [a, b]);
    const old = bench.statuses(deal, [a, b]);
    const next = bench.deal(2);
    bench.stand(next, bench.replacing(next, deal));
    expect(counts(c.ask(bench.attempt('attempt-vote', next, 3, element(9), old)))).toBe(false);
    expect(c.changed).toBe(false);
  });

  it('does not take a certificate on its disk for settled unless it is one for this registration', () => {
    bench.guess(deal, 1, element(1), [a, b]);
    said(ask(a, 2));
    const record = a.records.get(deal.registration.slot)!;
    const [vote] = record.attempt!.votes as [Signed];
    const later = encodeMessage('node/attempt-vote', { ...decodeMessage('node/attempt-vote', vote.bytes), attempt: 2 });
    const forged = { bytes: later, signature: a.key.sign(later) };
    a.records.set(deal.registration.slot, { ...record, attempt: { votes: [forged, forged] } });
    expect(counts(ask(a, 3))).toBe(false);
    expect(a.changed).toBe(false);
  });

  it('learns from a peer that its last number is settled', () => {
    said(ask(c, 1, [], 1));
    const votes = bench.guess(deal, 1, element(2), [a, b]);
    expect(counts(ask(c, 2))).toBe(false);
    c.learn({ attempt: { votes } });
    expect(counts(ask(c, 2))).toBe(true);
  });
});

describe('what a member learns of a certified attempt', () => {
  it('is remembered as used before anything else, also where its own counters are ahead of its empty store', () => {
    const votes = bench.guess(deal, 1, element(1), [a, b]);
    c.learn({ attempt: { votes } });
    bench.guess(deal, 2, element(2), [b, c]);
    c.seen.clear();
    c.learn({ attempt: { votes } });
    expect(c.seen.get(a.key.id)).toBe(decodeMessage('node/attempt-vote', votes[0]!.bytes).sequence);
  });

  it('counts its number but is not kept to be answered when a vote is from before a restart', () => {
    const votes = bench.guess(deal, 1, element(1), [a, b]);
    c.seen.set(a.key.id, 9n << 32n);
    c.learn({ attempt: { votes } });
    expect(c.counters.get(deal.registration.slot)).toMatchObject({ tried: 1 });
    expect(c.records.get(deal.registration.slot)?.attempt).toBeUndefined();
    expect(isRefusal(c.ask(bench.attempt('answer', deal, 1, element(1), votes)) as Reply)).toBe(true);
  });
});

describe('a client', () => {
  const fleet = () => bench.fleet;

  it('takes the number that more members show than may lie', () => {
    expect(nextNumber([10, 0, 0], fleet())).toBe(1);
    expect(nextNumber([3, 3, 0], fleet())).toBe(4);
  });

  it('takes a number above all where members follow far enough, whatever one of them says', () => {
    expect(nextWithin(64, [58, 0], fleet())).toBe(59);
    expect(nextWithin(64, [58, 0, 0], fleet())).toBe(59);
    expect(nextWithin(64, [196, 0, 0], fleet())).toBe(64);
    expect(nextWithin(64, [0xffff_ffff, 7, 7], fleet())).toBe(71);
    expect(nextWithin(64, [], fleet())).toBe(1);
  });
});
