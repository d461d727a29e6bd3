/** Count, then answer: what one member does with one guess. */
import { beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import type { Reply } from '../../src/quorum/ask.ts';
import { startsOf } from '../../src/quorum/member/memory.ts';
import { dropShares } from '../../src/vault/registration.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { BAD, Bench, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
let bench: Bench;
let deal: Deal;

beforeEach(() => {
  bench = new Bench();
  deal = bench.deal(1);
  bench.stand(deal);
});

const codeOf = (run: () => Reply): string | undefined => {
  try {
    const reply = run();
    return 'refused' in reply ? reply.refused : undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
};

describe('a vote', () => {
  it('is counted in the token before it is signed, and stored before it is said', () => {
    const [a] = bench.members;
    said(a.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
    expect(a.did.filter((kind) => kind !== 'load')).toEqual(['commit', 'sign', 'save']);
  });

  it('is given once for a number: the same guess gets the stored one, another guess none', () => {
    const [a] = bench.members;
    const first = said(a.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
    expect(said(a.ask(bench.attempt('attempt-vote', deal, 1, element(1))))).toBe(first);
    expect(a.did).not.toContain('sign');
    expect(codeOf(() => a.ask(bench.attempt('attempt-vote', deal, 1, element(2))))).toBe('attempt-out-of-range');
    expect(a.changed).toBe(false);
  });

  it('is not given again when the store lost it', () => {
    const [a] = bench.members;
    const before = new Map(a.records);
    said(a.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
    a.records = before;
    expect(codeOf(() => a.ask(bench.attempt('attempt-vote', deal, 1, element(1))))).toBe('attempt-out-of-range');
  });

  it('is refused when all guesses are used up, by a statement of its own that names the counts', () => {
    const [a, b] = bench.members;
    for (const attempt of [1, 2, 3]) bench.guess(deal, attempt, element(attempt), [a, b]);
    const refusal = a.ask(bench.attempt('attempt-vote', deal, 4, element(4)));
    if (!('refused' in refusal)) throw new Error('a fourth vote');
    expect(refusal.refused).toBe('locked');
    expect(decodeMessage('node/refusal', (refusal.statement as Signed).bytes)).toMatchObject({ attempt: 4, tried: 3, cleared: 0 });
    expect(a.changed).toBe(false);
  });

  it("is never another member's, whatever the store holds", () => {
    const [one, other] = bench.members;
    const { slot } = deal.registration;
    said(one.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
    const foreign = said(other.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
    one.records.set(slot, { ...(one.records.get(slot) ?? expect.fail('no record')), attemptVote: foreign });
    expect(codeOf(() => one.ask(bench.attempt('attempt-vote', deal, 1, element(1))))).toBe('attempt-out-of-range');
  });

  it('is for the registration in force, and not for what an old store says', () => {
    const [one] = bench.members;
    expect(codeOf(() => one.ask(bench.attempt('attempt-vote', bench.deal(1), 1, element(1))))).toBe('stale-generation');
    one.counters.set(deal.registration.slot, { voted: 2, active: 2, tried: 0, cleared: 0, locked: false });
    expect(codeOf(() => one.ask(bench.attempt('attempt-vote', deal, 1, element(1))))).toBe('unknown-generation');
    expect(one.changed).toBe(false);
  });

  it('from before the last start of its member is as good as lost', () => {
    const [one] = bench.members;
    said(one.ask(bench.attempt('attempt-vote', deal, 1, element(1))));
    one.sequence = 2n << 32n;
    expect(codeOf(() => one.ask(bench.attempt('attempt-vote', deal, 1, element(1))))).toBe('attempt-out-of-range');
  });

  it('is for the element that the client signed for', () => {
    const [one] = bench.members;
    const asked = { ...bench.attempt('attempt-vote', deal, 1, element(1)), element: element(2) };
    expect(codeOf(() => one.ask(asked as Parameters<typeof one.ask>[0]))).toBe('malformed');
    expect(one.changed).toBe(false);
  });

  it('is refused for a deletion: it would be counted and never answered', () => {
    const [a] = bench.members;
    const tombstone = bench.deal(2, true);
    bench.stand(tombstone, bench.replacing(tombstone, deal));
    expect(codeOf(() => a.ask(bench.attempt('attempt-vote', tombstone, 1, element(1))))).toBe('not-found');
    expect(a.changed).toBe(false);
  });
});

describe('an element that is no point, or whose check is not proven', () => {
  it('is counted nowhere', () => {
    const [a] = bench.members;
    expect(codeOf(() => a.ask(bench.attempt('attempt-vote', deal, 1, element(BAD))))).toBe('malformed');
    expect(a.changed).toBe(false);
  });
});

describe('an answer', () => {
  it('takes the votes of a quorum for exactly this guess', () => {
    const [a, b, c] = bench.members;
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    const [one, two] = votes as [Signed, Signed];
    const ask = (given: readonly Signed[], guess = element(1), attempt = 1) => c.ask(bench.attempt('answer', deal, attempt, guess, given));
    for (const wrong of [[], [one], [one, one], [one, two, two]]) expect(codeOf(() => ask(wrong))).toBe('not-certified');
    expect(codeOf(() => ask(votes, element(2)))).toBe('not-certified');
    expect(codeOf(() => ask(votes, element(1), 2))).toBe('not-certified');
    expect(c.changed).toBe(false);
    expect(decodeMessage('node/answer', said(ask(votes)).bytes)).toMatchObject({ attempt: 1 });
  });

  it('is counted where no vote was asked for, before the share is used', () => {
    const [a, b, c] = bench.members;
    said(c.ask(bench.attempt('answer', deal, 1, element(1), bench.votes(deal, 1, element(1), [a, b]))));
    expect(c.did.indexOf('commit')).toBeGreaterThan(-1);
    expect(c.did.indexOf('commit')).toBeLessThan(c.did.indexOf('evaluate'));
    expect(c.counters.get(deal.registration.slot)).toMatchObject({ tried: 1 });
  });

  it('may be had again for the same guess, and not once a later one is counted', () => {
    const [a, b, c] = bench.members;
    const first = bench.votes(deal, 1, element(1), [a, b]);
    const again = () => c.ask(bench.attempt('answer', deal, 1, element(1), first));
    said(again());
    said(again());
    expect(c.did).not.toContain('commit');
    for (const member of [a, b]) said(member.ask(bench.attempt('answer', deal, 1, element(1), first)));
    said(c.ask(bench.attempt('answer', deal, 2, element(2), bench.votes(deal, 2, element(2), [a, b]))));
    expect(codeOf(again)).toBe('attempt-out-of-range');
  });

  it('counts nothing where the share is missing', () => {
    const [a, b, c] = bench.members;
    const { slot } = deal.registration;
    const record = c.records.get(slot);
    if (record?.standing === undefined) throw new Error('nothing stands');
    const registration = dropShares(deal.registration, bench.fleet).bytes;
    c.records.set(slot, { ...record, standing: { ...record.standing, registration } });
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    expect(codeOf(() => c.ask(bench.attempt('answer', deal, 1, element(1), votes)))).toBe('share-refused');
    expect(c.changed).toBe(false);
  });

  it('is not given to votes from before a restart of their member that it knows of', () => {
    const [a, b, c] = bench.members;
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    for (const shown of [a.key.id, startsOf(a.key.id)]) {
      c.seen.clear();
      c.seen.set(shown, 2n << 32n);
      expect(codeOf(() => c.ask(bench.attempt('answer', deal, 1, element(1), votes)))).toBe('not-certified');
      expect(c.changed).toBe(false);
    }
  });

  it('is given again for the very guess that was answered, and for no other of that number', () => {
    const [a, b, c] = bench.members;
    const before = [a, b].map((member) => new Map(member.counters));
    const old = bench.votes(deal, 1, element(2), [a, b]);
    // Their tokens are put back, and they start again.
    [a, b].forEach((member, i) => {
      member.counters = before[i] as typeof member.counters;
      member.records.set(deal.registration.slot, { ...(c.records.get(deal.registration.slot) ?? expect.fail('no record')) });
      member.sequence = 2n << 32n;
    });
    said(c.ask(bench.attempt('answer', deal, 1, element(1), bench.votes(deal, 1, element(1), [a, b]))));
    expect(codeOf(() => c.ask(bench.attempt('answer', deal, 1, element(2), old)))).toBe('not-certified');
    expect(c.did).not.toContain('evaluate');
  });
});

describe('a success', () => {
  it('refills the guesses by the unlock key and the votes of just that attempt', () => {
    const [a, b, c] = bench.members;
    const votes = bench.votes(deal, 1, element(1), [a, b]);
    expect(codeOf(() => c.ask(bench.confirm(deal, 2, votes)))).toBe('not-certified');
    expect(codeOf(() => c.ask(bench.confirm(deal, 1, votes.slice(1))))).toBe('not-certified');
    expect(codeOf(() => c.ask(bench.confirm({ ...deal, unlock: bench.keys.make('a thief') }, 1, votes)))).toBe('not-signed');
    expect(c.changed).toBe(false);
    said(c.ask(bench.confirm(deal, 1, votes)));
    expect(c.counters.get(deal.registration.slot)).toMatchObject({ tried: 1, cleared: 1 });
  });

  it('is not taken after a lock was stated, and a lock is not stated before the others were heard', () => {
    const [a, b] = bench.members;
    for (const attempt of [1, 2]) bench.guess(deal, attempt, element(attempt), [a, b]);
    const votes = bench.guess(deal, 3, element(3), [a, b]);
    const place = deal.registration.core.place;
    expect(codeOf(() => a.ask({ op: 'lock', place }, 1))).toBe('no-quorum');
    said(a.ask({ op: 'lock', place }, 2));
    expect(codeOf(() => a.ask(bench.confirm(deal, 3, votes)))).toBe('locked');
    said(b.ask(bench.confirm(deal, 3, votes)));
  });

  it('ends a lock that a member stated alone, by the acknowledgements of a quorum and no fewer', () => {
    const [a, b, c] = bench.members;
    for (const attempt of [1, 2]) bench.guess(deal, attempt, element(attempt), [a, b]);
    const votes = bench.guess(deal, 3, element(3), [a, b]);
    const { place } = deal.registration.core;
    said(a.ask({ op: 'lock', place }, 2));
    const acks = [b, c].map((member) => said(member.ask(bench.confirm(deal, 3, votes))));
    const [one, two] = acks as [Signed, Signed];
    const { slot, generation, digest } = deal.registration;
    const earlier = [b, c].map(({ key, sequence }) => {
      const fields = { fleet: bench.fleet.id, signer: key.id, slot, generation, digest, attempt: 2, sequence };
      return signMessage('node/confirmation-ack', fields, key.sign);
    });
    for (const few of [[], [one], [one, one], earlier]) {
      expect(codeOf(() => a.ask(bench.confirm(deal, 3, votes, few)))).toBe('locked');
      expect(a.changed).toBe(false);
    }
    said(a.ask(bench.confirm(deal, 3, votes, [one, two])));
    expect(a.counters.get(slot)).toMatchObject({ cleared: 3, locked: false });
    expect(codeOf(() => a.ask(bench.attempt('attempt-vote', deal, 4, element(4))))).toBeUndefined();
  });

  it('that a quorum acknowledged is not undone by a lock that a liar completes', () => {
    const [a, b, c] = bench.members;
    for (const attempt of [1, 2]) bench.guess(deal, attempt, element(attempt), [a, b]);
    const votes = bench.guess(deal, 3, element(3), [a, b]);
    const { slot, generation, digest } = deal.registration;
    const alone = said(a.ask({ op: 'lock', place: deal.registration.core.place }, 2));
    const acks = [b, c].map((member) => said(member.ask(bench.confirm(deal, 3, votes))));
    said(b.ask(bench.confirm(deal, 3, votes, acks)));
    const fields = { fleet: bench.fleet.id, signer: c.key.id, slot, generation, digest, cleared: 0, tried: 3, sequence: c.sequence };
    const lie = signMessage('node/lock-statement', fields, c.key.sign);
    b.learn({ lock: [alone, lie] });
    expect(b.counters.get(slot)).toMatchObject({ locked: false });
    expect(b.records.get(slot)?.lock).toBeUndefined();
  });
});
