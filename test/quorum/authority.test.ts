/** Who may put a registration in force: whoever has the backup key at once; whoever has no more than a login waits. */
import { beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/quorum/ask.ts';
import { cancel } from '../../src/quorum/member/cancel.ts';
import { dropShares, parseRegistration } from '../../src/vault/registration.ts';
import { RECOVERY_CODE } from '../../src/vault/slot.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember } from './bench.ts';

let bench: Bench;
let first: Deal;
let a: BenchMember;

beforeEach(() => {
  bench = new Bench();
  first = bench.deal(1);
  [a] = bench.members;
});

const asked = (deal: Deal, approval?: Signed) => a.ask(bench.register(deal, approval));
const outcome = (deal: Deal, approval?: Signed): string => {
  const reply = asked(deal, approval);
  return isRefusal(reply) ? reply.refused : 'voted';
};
/** Approved by this deal's own owner. */
const approval = (deal: Deal) => bench.replacing(deal, deal);
const object = (to: Deal, by: Deal, key = by.owner) => {
  const objection = bench.objecting(to, by, key);
  return a.drive(cancel(a.member, to.registration.core.place, objection));
};

describe('in an account where nothing stands', () => {
  it('the first passcode stands at once', () => {
    expect(outcome(first)).toBe('voted');
  });

  it('no recovery code stands before a passcode', () => {
    const code = bench.deal(1, false, { way: RECOVERY_CODE });
    expect(outcome(code, approval(code))).toBe('not-allowed');
    expect(a.changed).toBe(false);
  });

  it('a waiting time longer or shorter than the tenant allows is refused, whoever asks', () => {
    bench.coolingOff = { minSeconds: 30, maxSeconds: 86_400 };
    for (const waits of [86_401, 29]) expect(outcome(bench.deal(1, false, { waits }))).toBe('not-allowed');
    expect(a.changed).toBe(false);
  });
});

describe('somebody with no more than a login', () => {
  const thief = (generation: number, more: object = {}) => bench.deal(generation, false, { by: 'thief', ...more });

  beforeEach(() => {
    bench.stand(first);
  });

  it('replaces nothing without waiting, whatever his own key approves', () => {
    const next = thief(2);
    expect(outcome(next)).toBe('cooling-off');
    expect(outcome(next, approval(next))).toBe('cooling-off');
    expect(outcome(next, { ...approval(next), signature: new Uint8Array(64) })).toBe('cooling-off');
  });

  it('adds no further way in without waiting as long as the owner chose', () => {
    const code = thief(1, { way: RECOVERY_CODE, waits: 0 });
    expect(asked(code, approval(code))).toMatchObject({ refused: 'cooling-off', evidence: { secondsLeft: 60 } });
  });

  it('waits until the time is over, and no longer', () => {
    const next = thief(2);
    expect(outcome(next)).toBe('cooling-off');
    const { slot } = next.registration;
    const record = a.records.get(slot) ?? expect.fail('no record');
    const since = (ms: number) => record.announcements?.map((one) => ({ ...one, since: one.since - ms })) ?? [];
    a.records.set(slot, { ...record, announcements: since(59_999) });
    expect(outcome(next)).toBe('cooling-off');
    a.records.set(slot, { ...record, announcements: since(60_000) });
    expect(outcome(next)).toBe('voted');
  });

  it('lets no more than eight wait at once, and pushes out none', () => {
    for (let generation = 2; generation < 10; generation += 1) expect(outcome(thief(generation))).toBe('cooling-off');
    expect(outcome(thief(10))).toBe('overloaded');
    expect(outcome(thief(9))).toBe('overloaded');
  });

  it('deletes nothing without waiting', () => {
    expect(outcome(bench.deal(2, true, { by: 'thief' }))).toBe('cooling-off');
  });

  it('objects to nothing: neither his own key nor that of what he announced has a say', () => {
    const mine = thief(2);
    asked(mine);
    const owners = bench.deal(3);
    asked(owners);
    expect(() => object(owners, first, mine.owner)).toThrow(expect.objectContaining({ code: 'not-signed' }));
    expect(() => object(owners, first, mine.unlock)).toThrow(expect.objectContaining({ code: 'not-signed' }));
  });

  it('cannot use an approval of the owner for anything else', () => {
    const owners = bench.deal(2);
    const mine = thief(2);
    expect(outcome(mine, approval(owners))).toBe('cooling-off');
    const elsewhere = bench.deal(1, false, { way: RECOVERY_CODE });
    expect(outcome(thief(1, { way: RECOVERY_CODE }), bench.replacing(elsewhere, first))).toBe('cooling-off');
  });
});

describe('whoever has the backup key', () => {
  beforeEach(() => {
    bench.stand(first);
  });

  it('replaces at once, adds and removes a way in at once', () => {
    const code = bench.deal(1, false, { way: RECOVERY_CODE });
    expect(outcome(code, bench.replacing(code, first))).toBe('voted');
    const next = bench.deal(2);
    expect(outcome(next, bench.replacing(next, first))).toBe('voted');
    const gone = bench.deal(3, true);
    expect(outcome(gone, bench.replacing(gone, first))).toBe('voted');
  });

  it('replaces a locked passcode at once', () => {
    a.counters.set(first.registration.slot, { voted: 1, active: 1, tried: 3, cleared: 0, locked: true });
    const next = bench.deal(2);
    expect(outcome(next, bench.replacing(next, first))).toBe('voted');
  });

  it('gives the account another owner key only by the one in force', () => {
    const other = bench.deal(2, false, { by: 'ada anew' });
    expect(outcome(other, approval(other))).toBe('cooling-off');
    expect(outcome(other, bench.replacing(other, first))).toBe('voted');
  });

  it('objects with it to what waits, and overrules an objection', () => {
    const announced = bench.deal(2, false, { by: 'thief' });
    expect(outcome(announced)).toBe('cooling-off');
    expect(object(announced, first)).toBe(true);
    expect(outcome(announced)).toBe('cancelled');
    const own = bench.deal(2);
    expect(outcome(own)).toBe('cooling-off');
    expect(object(own, first, first.unlock)).toBe(true);
    expect(outcome(own)).toBe('cancelled');
    expect(outcome(own, bench.replacing(own, first))).toBe('voted');
  });

  it('objects in vain once a member has voted, unless it voted for another', () => {
    const next = bench.deal(2);
    const other = bench.deal(2, false, { by: 'thief' });
    expect(outcome(next, bench.replacing(next, first))).toBe('voted');
    expect(object(next, first)).toMatchObject({ refused: 'stale-generation' });
    expect(a.changed).toBe(false);
    expect(object(other, first)).toBe(true);
  });

  it('objects in vain to what is in force', () => {
    expect(object(first, first)).toMatchObject({ refused: 'stale-generation' });
    expect(object(bench.deal(1, false, { by: 'thief' }), first)).toMatchObject({ refused: 'stale-generation' });
  });

  it('objects in this account and slot only', () => {
    const next = bench.deal(2, false, { by: 'thief' });
    const code = bench.deal(2, false, { way: RECOVERY_CODE });
    const { cancel: objection, by } = bench.objecting(next, first);
    const at = (place: typeof by, whose: typeof by) => () => a.drive(cancel(a.member, place, { by: whose, cancel: objection }));
    expect(at(by, { ...by, account: first.registration.digest })).toThrow(expect.objectContaining({ code: 'not-allowed' }));
    expect(at(code.registration.core.place, by)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('is not known where the store is behind the token: then nothing is decided', () => {
    a.records.delete(first.registration.slot);
    const code = bench.deal(1, false, { way: RECOVERY_CODE });
    expect(outcome(code, bench.replacing(code, first))).toBe('unknown-generation');
  });
});

describe('a member', () => {
  it('votes for no registration whose share does not open in its token', () => {
    const registration = parseRegistration(dropShares(first.registration, bench.fleet).bytes, bench.fleet);
    expect(outcome({ ...first, registration })).toBe('share-refused');
    expect(a.changed).toBe(false);
  });

  it('votes once under a number, and follows sixteen further', () => {
    bench.stand(first);
    const [one, two] = [bench.deal(2), bench.deal(2)];
    expect(outcome(one, bench.replacing(one, first))).toBe('voted');
    expect(outcome(two, bench.replacing(two, first))).toBe('stale-generation');
    const far = bench.deal(19);
    expect(outcome(far, bench.replacing(far, first))).toBe('stale-generation');
    const near = bench.deal(18);
    expect(outcome(near, bench.replacing(near, first))).toBe('voted');
  });

  it('keeps its vote, and what waits for a later number, when an earlier one comes into force', () => {
    bench.stand(first);
    const [next, later, waits] = [bench.deal(2), bench.deal(3), bench.deal(4, false, { by: 'thief' })];
    expect(outcome(bench.deal(2, false, { by: 'thief' }))).toBe('cooling-off');
    const standing = bench.standing(next, bench.replacing(next, first));
    const vote = asked(later, bench.replacing(later, first));
    expect(outcome(waits)).toBe('cooling-off');
    a.ask({ op: 'activate', standing });
    expect(asked(later, bench.replacing(later, first))).toBe(vote);
    expect(a.records.get(first.registration.slot)?.announcements?.map(({ generation }) => generation)).toEqual([4]);
  });
});

it('after everything was deleted the account is free', () => {
  bench.stand(first);
  const gone = bench.deal(2, true);
  bench.stand(gone, bench.replacing(gone, first));
  expect(outcome(bench.deal(3, false, { by: 'somebody' }))).toBe('voted');
});

it('an approval is for one fleet', () => {
  bench.stand(first);
  const { slot, generation, digest } = bench.deal(2).registration;
  const elsewhere = { fleet: first.registration.digest, signer: first.owner.id, slot, generation, digest };
  expect(outcome(bench.deal(2), signMessage('owner/approve', elsewhere, first.owner.sign))).toBe('cooling-off');
});
