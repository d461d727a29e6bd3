/** What a coordinator counts as an answer. */
import { expect, it } from 'vitest';
import { answerTo, type Counted } from '../../src/quorum/coordinator/expected.ts';
import type { Signed } from '../../src/wire/signed.ts';
import { Bench, said } from './bench.ts';

it('is signed by the member that it came from, and about just this question', () => {
  const bench = new Bench();
  const deal = bench.deal(1);
  const standing = bench.stand(deal);
  const [a, b] = bench.members;
  const element = new Uint8Array(33).fill(1);
  const votes = bench.guess(deal, 1, element, bench.members);
  const asks = [
    { op: 'status', ...bench.request('status', deal.registration, 0, deal.registration.digest) },
    { op: 'wait', ...bench.request('wait', deal.registration, 0, deal.registration.digest) },
    bench.attempt('answer', deal, 1, element, votes),
    { op: 'activate', standing },
    bench.confirm(deal, 1, votes),
  ] as readonly Counted[];
  const answers = asks.map((ask) => said(a.ask(ask)));
  for (const [i, ask] of asks.entries()) {
    const counts = answerTo(ask, bench.fleet, bench.keys.verify);
    const own = answers[i] as Signed;
    expect(counts(own, a.key.id), ask.op).toBe(true);
    expect(counts(own, b.key.id), `${ask.op} in another name`).toBe(false);
    expect(counts({ ...own, signature: b.key.sign(own.bytes) }, a.key.id), `${ask.op} under another key`).toBe(false);
    expect(counts({ ...own, bytes: own.bytes.subarray(1) }, a.key.id), `${ask.op} cut short`).toBe(false);
    for (const [j, other] of answers.entries()) if (i !== j) expect(counts(other, a.key.id), `${ask.op} by another answer`).toBe(false);
  }
});

it('is for this request and no earlier one', () => {
  const bench = new Bench();
  bench.stand(bench.deal(1));
  const [a] = bench.members;
  const { registration } = bench.deal(1);
  const [earlier, now] = [0, 1].map(() => ({ op: 'status', ...bench.request('status', registration, 0, registration.digest) }) as const);
  const old = said(a.ask(earlier!));
  expect(answerTo(earlier!, bench.fleet, bench.keys.verify)(old, a.key.id)).toBe(true);
  expect(answerTo(now!, bench.fleet, bench.keys.verify)(old, a.key.id)).toBe(false);
});
