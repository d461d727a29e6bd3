/** What a client believes, keeps and gives up: members' signed words of a quorum, never a coordinator's. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type Id, utf8 } from '../../src/base/bytes.ts';
import { cancel } from '../../src/quorum/client/cancel.ts';
import { deposit } from '../../src/quorum/client/deposit.ts';
import type { Call, Heard } from '../../src/quorum/client/effects.ts';
import { pushActivation, pushConfirmation } from '../../src/quorum/client/push.ts';
import { recover } from '../../src/quorum/client/recover.ts';
import { askPresence, askStatus } from '../../src/quorum/client/status.ts';
import { UNLIMITED_GUESSES } from '../../src/vault/policy.ts';
import { RECOVERY_CODE } from '../../src/vault/slot.ts';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { hash, type Signed, signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';
import { elementOf, heard, Phone } from './phone.ts';

let bench: Bench;
let deal: Deal;
let phone: Phone;
let a: BenchMember;
let b: BenchMember;
let c: BenchMember;

beforeEach(() => {
  bench = new Bench();
  [a, b, c] = bench.members;
  const deals = new Map<number, Deal>();
  const dealt = (generation: number): Deal => {
    const known = deals.get(generation) ?? bench.deal(generation);
    deals.set(generation, known);
    return known;
  };
  deal = dealt(1);
  phone = new Phone(bench, dealt);
});

const only =
  (op: Call['op'], members: readonly BenchMember[]) =>
  (call: Call): Heard | undefined => {
    if (call.op !== op) return undefined;
    const { said: all, ...rest } = phone.carry(call);
    return { ...rest, said: all.filter(({ node }) => members.some(({ key }) => key.id === node)) };
  };
/** Of this member, with another count in it. */
const lie = (signed: Signed, by: BenchMember, fields: object): Signed => {
  const bytes = encodeMessage('node/status', { ...decodeMessage('node/status', signed.bytes), ...fields });
  return { bytes, signature: by.key.sign(bytes) };
};

describe('a deposit', () => {
  it('is saved before it is activated, and stands when a quorum opened its shares', () => {
    let saved: boolean | undefined;
    phone.instead = (call) => {
      if (call.op === 'activate') saved = phone.memo.deposit?.votes !== undefined;
      return undefined;
    };
    expect(phone.drive(deposit(phone.client))).toMatchObject({ kind: 'deposited', acknowledged: 3 });
    expect(saved).toBe(true);
    expect(phone.memo.deposit).toBeUndefined();
  });

  it('is unfinished, and kept, while one member alone has acknowledged it', () => {
    phone.instead = only('activate', [a]);
    expect(phone.drive(deposit(phone.client))).toMatchObject({ kind: 'unfinished' });
    expect(phone.memo.deposit?.votes).toBeDefined();
  });

  it('is kept until all members have it, and pushed', () => {
    phone.instead = only('activate', [a, b]);
    expect(phone.drive(deposit(phone.client))).toMatchObject({ kind: 'deposited', acknowledged: 2 });
    expect(phone.memo.deposit?.told).toBe(true);
    expect(phone.drive(pushActivation(phone.client))).toBe(false);
    expect(phone.memo.deposit).toBeDefined();
    phone.instead = () => undefined;
    expect(phone.drive(pushActivation(phone.client))).toBe(true);
    expect(phone.memo.deposit).toBeUndefined();
  });

  it('is not given up on the word of as many as may lie', () => {
    const cancelled = { refused: 'cancelled', message: 'cancelled' } as const;
    const saying = (members: readonly BenchMember[]) => (call: Call) =>
      call.op === 'register' ? heard(members, () => cancelled as ReturnType<BenchMember['ask']>) : undefined;
    phone.instead = saying([a]);
    expect(phone.drive(deposit(phone.client))).toMatchObject({ kind: 'unfinished' });
    expect(phone.memo.deposit).toBeDefined();
    phone.instead = saying([a, b]);
    expect(phone.drive(deposit(phone.client))).toMatchObject({ kind: 'refused' });
    expect(phone.memo.deposit).toBeUndefined();
  });
});

describe('a recovery', () => {
  beforeEach(() => {
    bench.stand(deal);
  });

  it('opens, and is confirmed by a quorum', () => {
    expect(phone.drive(recover(phone.client))).toMatchObject({ kind: 'opened', confirmed: true });
    expect(phone.memo).toEqual({});
  });

  it('keeps its success while one member alone has acknowledged it, whatever others say of a lock without its certificate', () => {
    const one = only('confirm', [a]);
    phone.instead = one;
    expect(phone.drive(recover(phone.client))).toMatchObject({ kind: 'opened', confirmed: false });
    expect(phone.memo.confirmation).toBeDefined();
    phone.instead = (call) => {
      if (call.op !== 'status') return one(call);
      const { said: statuses, ...rest } = phone.carry(call);
      const locked = (node: Id, signed: Signed) => {
        const by = [b, c].find(({ key }) => key.id === node);
        return by === undefined ? signed : lie(signed, by, { locked: true });
      };
      return { ...rest, said: statuses.map(({ node, signed }) => ({ node, signed: locked(node, signed) })) };
    };
    expect(phone.drive(pushConfirmation(phone.client))).toBe(false);
    expect(phone.memo.confirmation).toBeDefined();
    phone.instead = () => undefined;
    expect(phone.drive(pushConfirmation(phone.client))).toBe(true);
    expect(phone.memo.confirmation).toBeUndefined();
  });

  it('unlocks a member that stated a lock alone, also through a node that does not pass on who acknowledged', () => {
    for (const attempt of [1, 2]) bench.guess(deal, attempt, new Uint8Array(33).fill(attempt), [a, b]);
    phone.instead = (call) => {
      if (call.op === 'confirm' && phone.sent('confirm').length === 1) said(a.ask({ op: 'lock', place: deal.registration.core.place }, 2));
      return undefined;
    };
    expect(phone.drive(recover(phone.client))).toMatchObject({ kind: 'opened', confirmed: true });
    expect(phone.turns).toBe(1);
    expect(a.counters.get(deal.registration.slot)).toMatchObject({ cleared: 3, locked: false });
  });

  it('that was interrupted goes on with the same guess', () => {
    phone.instead = (call) => (call.op === 'attempt' ? { said: [], refused: [] } : undefined);
    expect(phone.drive(recover(phone.client)).kind).toBe('unfinished');
    const [first] = phone.sent('attempt');
    phone.instead = () => undefined;
    expect(phone.drive(recover(phone.client)).kind).toBe('opened');
    const [second] = phone.sent('attempt');
    expect(second && elementOf(second)).toBe(first && elementOf(first));
  });

  it('takes no answers that were given to an earlier request', () => {
    let replayed: Heard | undefined;
    phone.instead = (call) => {
      if (call.op !== 'attempt') return undefined;
      replayed ??= phone.carry(call);
      return { said: [], refused: [] };
    };
    phone.drive(recover(phone.client));
    phone.instead = (call) => (call.op === 'attempt' ? replayed : undefined);
    expect(phone.drive(recover(phone.client)).kind).toBe('unfinished');
  });

  it('asks other nodes when an answer is wrong, and spends no further guess', () => {
    let turn = 0;
    phone.instead = (call) => {
      if (call.op !== 'attempt') return undefined;
      const all = phone.carry(call);
      turn += 1;
      if (turn > 1) return all;
      const [first, liar] = all.said;
      if (first === undefined || liar === undefined) return expect.fail('no answers');
      const bytes = encodeMessage('node/answer', {
        ...decodeMessage('node/answer', liar.signed.bytes),
        evaluated: new Uint8Array(decodeMessage('node/answer', liar.signed.bytes).evaluated.length),
      });
      const signer = bench.members.find(({ key }) => key.id === liar.node) ?? a;
      return { ...all, said: [first, { node: liar.node, signed: { bytes, signature: signer.key.sign(bytes) } }] };
    };
    expect(phone.drive(recover(phone.client)).kind).toBe('opened');
    expect(a.counters.get(deal.registration.slot)?.tried).toBe(1);
  });

  /** One member refuses each number by its own signed word, with these counts. */
  const refusing = (counts: (attempt: number) => { tried: number; cleared: number }, others: Partial<{ attempt: number }> = {}) => {
    phone.instead = (call) => {
      if (call.op !== 'attempt') return undefined;
      const { slot, generation, digest, attempt, nonce } = decodeMessage('client/request', call.request.bytes);
      const about = { slot, generation, digest, attempt, element: hash(call.element), nonce };
      const fields = { fleet: bench.fleet.id, signer: a.key.id, ...about, ...counts(attempt), ...others };
      const statement = signMessage('node/refusal', fields, a.key.sign);
      const refusal = { refused: 'attempt-out-of-range', message: 'used', statement } as const;
      return { said: [], refused: [{ node: a.key.id, refusal: refusal as Heard['refused'][number]['refusal'] }] };
    };
  };

  it('takes at most two further numbers on the word of one member', () => {
    refusing((attempt) => ({ tried: attempt, cleared: attempt }));
    expect(phone.drive(recover(phone.client)).kind).toBe('unfinished');
    expect(phone.sent('attempt')).toHaveLength(3);
  });

  it('is not told by one member alone that all guesses are used', () => {
    refusing((attempt) => ({ tried: attempt + 100, cleared: 0 }));
    expect(phone.drive(recover(phone.client)).kind).toBe('unfinished');
  });

  it('gives a number up only on a refusal of just that number', () => {
    refusing((attempt) => ({ tried: attempt, cleared: 0 }), { attempt: 9 });
    expect(phone.drive(recover(phone.client)).kind).toBe('unfinished');
    expect(phone.sent('attempt')).toHaveLength(1);
    expect(phone.memo.attempt).toBeDefined();
  });

  it('shows the others who has counted the number before', () => {
    bench.votes(deal, 1, new Uint8Array(33).fill(1), [a]);
    bench.votes(deal, 1, new Uint8Array(33).fill(2), [b]);
    expect(phone.drive(recover(phone.client)).kind).toBe('opened');
    const [sent] = phone.sent('attempt');
    expect(sent?.shown.length).toBe(2);
  });
});

it('a recovery code is opened in one run, however far one member was led ahead while another is down', () => {
  bench.stand(deal);
  const plenty = bench.deal(1, false, { way: RECOVERY_CODE, guesses: UNLIMITED_GUESSES });
  bench.stand(plenty, bench.replacing(plenty, deal));
  const { slot } = plenty.registration;
  a.counters.set(slot, { ...(a.counters.get(slot) ?? expect.fail('no counters')), tried: 200 * 64 });
  phone = new Phone(bench, () => plenty);
  phone.up = [a, b];
  expect(phone.drive(recover(phone.client)).kind).toBe('opened');
});

describe('how an account stands', () => {
  beforeEach(() => {
    bench.stand(deal);
  });
  const altered = (of: (heard: Heard) => Heard) => {
    phone.instead = (call) => (call.op === 'status' ? of(phone.carry(call)) : undefined);
  };

  it("is said by a quorum: one member's word for several is one", () => {
    altered(({ said: [first], ...rest }) =>
      first === undefined ? expect.fail('nothing said') : { ...rest, said: [first, { ...first, node: b.key.id }, first] },
    );
    expect(() => phone.drive(askStatus(phone.client))).toThrow(expect.objectContaining({ code: 'no-quorum' }));
  });

  it('is said now: a status for an earlier question is none', () => {
    let old: Heard | undefined;
    altered((now) => (old ??= now));
    phone.drive(askStatus(phone.client));
    expect(() => phone.drive(askStatus(phone.client))).toThrow(expect.objectContaining({ code: 'no-quorum' }));
  });

  it('is asked of another node when the first one leaves out what members say is in force', () => {
    let turn = 0;
    altered(({ standing, ...rest }) => {
      turn += 1;
      return turn === 1 || standing === undefined ? rest : { ...rest, standing };
    });
    expect(phone.drive(askStatus(phone.client)).registration?.digest).toBe(deal.registration.digest);
  });

  it('is not called nothing while members say that something is in force', () => {
    altered(({ standing: _, ...rest }) => rest);
    expect(() => phone.drive(askPresence(phone.client))).toThrow(expect.objectContaining({ code: 'no-quorum' }));
  });

  describe('locked', () => {
    const statement = (by: BenchMember, of: Deal, cleared = 0): Signed => {
      const { slot, generation, digest } = of.registration;
      const fields = { fleet: bench.fleet.id, signer: by.key.id, slot, generation, digest, cleared, tried: 3, sequence: by.sequence };
      return signMessage('node/lock-statement', fields, by.key.sign);
    };
    const locked = (lock: readonly Signed[]): boolean => {
      altered((rest) => ({ ...rest, lock }));
      return phone.drive(askStatus(phone.client)).locked;
    };

    it('is what a certificate for this registration says', () => {
      expect(locked([a, b].map((by) => statement(by, deal)))).toBe(true);
      expect(locked([a].map((by) => statement(by, deal)))).toBe(false);
      const other = bench.deal(2);
      expect(locked([a, b].map((by) => statement(by, other)))).toBe(false);
    });

    it('is not what a liar completed after a success that a quorum took', () => {
      const votes = bench.guess(deal, 1, new Uint8Array(33).fill(1), [a, b, c]);
      for (const member of [b, c]) said(member.ask(bench.confirm(deal, 1, votes)));
      expect(locked([a, b].map((by) => statement(by, deal)))).toBe(false);
    });
  });
});

describe('an objection', () => {
  it('stands when a quorum says so itself', () => {
    bench.stand(deal);
    const announced = bench.deal(2).registration;
    const { slot, generation, digest, core } = announced;
    const event = { account: core.place.account, slot, kind: 'cancelled', generation, digest, attempt: 0, time: 1 } as const;
    const telling = (members: readonly BenchMember[]) => (call: Call) => {
      if (call.op === 'cancel') return { said: [], refused: [] };
      if (call.op !== 'events') return undefined;
      const { nonce } = decodeMessage('client/request', call.request.bytes);
      const feeds = [a, b].map((member) => ({
        node: member.key.id,
        text: members.includes(member) ? 'cancelled' : 'nothing',
        events: members.includes(member) ? [event] : [],
      }));
      const all = [a, b].map(({ key }, i) => {
        const events = hash(utf8(feeds[i]?.text ?? ''));
        const fields = { fleet: bench.fleet.id, signer: key.id, account: core.place.account, nonce, events };
        return { node: key.id, signed: signMessage('node/events', fields, key.sign) };
      });
      return { said: all, refused: [], feeds };
    };
    const object = () => phone.drive(cancel(phone.client, announced, { registration: deal.registration, owner: deal.owner }));
    phone.instead = telling([a]);
    expect(object()).toMatchObject({ kind: 'unfinished', stands: [a.key.id] });
    phone.instead = telling([a, b]);
    expect(object()).toMatchObject({ kind: 'cancelled', stands: [a.key.id, b.key.id] });
  });
});
