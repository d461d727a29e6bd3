/** A generation comes into force once, whole, by who dealt it and a quorum; the old one works until then. */
import { beforeEach, expect, it } from 'vitest';
import { isRefusal, type Reply } from '../../src/quorum/ask.ts';
import { dropShares } from '../../src/vault/registration.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, said } from './bench.ts';

const element = (byte: number) => new Uint8Array(33).fill(byte);
let bench: Bench;
let first: Deal;
let second: Deal;

beforeEach(() => {
  bench = new Bench();
  first = bench.deal(1);
  second = bench.deal(2);
  bench.stand(first);
});

const codeOf = (reply: Reply) => (isRefusal(reply) ? reply.refused : undefined);

it('tells the final counts of what it supersedes, and starts at zero', () => {
  const [a, b] = bench.members;
  bench.votes(first, 1, element(1), [a, b]);
  const standing = bench.standing(second, bench.replacing(second, first));
  const ack = decodeMessage('node/activation-ack', said(a.ask({ op: 'activate', standing })).bytes);
  expect(ack).toMatchObject({ opened: true, oldGeneration: 1, oldTried: 1, oldCleared: 0 });
  expect(a.counters.get(first.registration.slot)).toMatchObject({ active: 2, tried: 0, cleared: 0 });
});

it('says the same again, and counts nothing anew', () => {
  const [a, b] = bench.members;
  const standing = bench.standing(second, bench.replacing(second, first));
  const ack = said(a.ask({ op: 'activate', standing }));
  said(b.ask({ op: 'activate', standing }));
  bench.votes(second, 1, element(1), [a, b]);
  expect(a.ask({ op: 'activate', standing })).toBe(ack);
  expect(a.counters.get(first.registration.slot)).toMatchObject({ active: 2, tried: 1 });
});

it('does not refill the guesses when the store lost the record', () => {
  const [a, b] = bench.members;
  const standing = bench.standing(second, bench.replacing(second, first));
  for (const member of [a, b]) said(member.ask({ op: 'activate', standing }));
  bench.votes(second, 1, element(1), [a, b]);
  a.records.clear();
  said(a.ask({ op: 'activate', standing }));
  expect(a.did).not.toContain('commit');
  expect(a.counters.get(first.registration.slot)).toMatchObject({ active: 2, tried: 1 });
});

it('refuses an activation whose shares a coordinator cut off: the old passcode goes on working', () => {
  const [a, b] = bench.members;
  const standing = bench.standing(second, bench.replacing(second, first));
  const registration = dropShares(second.registration, bench.fleet).bytes;
  expect(codeOf(a.ask({ op: 'activate', standing: { ...standing, registration } }))).toBe('share-refused');
  expect(a.changed).toBe(false);
  expect(bench.votes(first, 1, element(1), [a, b])).toHaveLength(2);
  said(a.ask({ op: 'activate', standing }));
});

it('heals a record that lacks the share, without a count', () => {
  const [a] = bench.members;
  const { slot } = first.registration;
  const record = a.records.get(slot);
  if (record?.standing === undefined) throw new Error('nothing stands');
  const whole = record.standing;
  a.records.set(slot, { ...record, standing: { ...whole, registration: dropShares(first.registration, bench.fleet).bytes } });
  said(a.ask({ op: 'activate', standing: whole }));
  expect(a.did).not.toContain('commit');
  expect(a.records.get(slot)?.standing?.registration).toEqual(first.registration.bytes);
});

it('takes neither too few votes, nor another registration under the same number, nor an earlier one', () => {
  const [a, , c] = bench.members;
  const standing = bench.standing(second, bench.replacing(second, first));
  expect(() => a.ask({ op: 'activate', standing: { ...standing, votes: standing.votes.slice(1) } })).toThrow(
    expect.objectContaining({ code: 'not-certified' }),
  );
  const other = bench.deal(2);
  expect(() => a.ask({ op: 'activate', standing: { ...standing, registration: other.registration.bytes } })).toThrow(
    expect.objectContaining({ code: 'not-certified' }),
  );
  const old = c.records.get(first.registration.slot)?.standing;
  said(c.ask({ op: 'activate', standing }));
  expect(old && codeOf(c.ask({ op: 'activate', standing: old }))).toBe('stale-generation');
  expect(c.changed).toBe(false);
});

it('takes no other registration under the number in force, whoever voted for it', () => {
  const [a, b, c] = bench.members;
  const { registration, unlock } = bench.deal(1);
  const { slot, generation, digest, bytes } = registration;
  const about = { fleet: bench.fleet.id, slot, generation, digest };
  const votes = [a, b].map(({ key }) => signMessage('node/register-vote', { ...about, signer: key.id, sequence: 1n }, key.sign));
  const activation = signMessage('unlock/activate', { ...about, signer: unlock.id }, unlock.sign);
  expect(codeOf(c.ask({ op: 'activate', standing: { registration: bytes, votes, activation } }))).toBe('stale-generation');
  expect(c.records.get(slot)?.standing?.registration).toEqual(first.registration.bytes);
});

it('takes no activation of something else, though the right unlock key signed it', () => {
  const [a] = bench.members;
  const standing = bench.standing(second, bench.replacing(second, first));
  const { slot, generation } = second.registration;
  const fields = { fleet: bench.fleet.id, signer: second.unlock.id, slot, generation, digest: first.registration.digest };
  const activation = signMessage('unlock/activate', fields, second.unlock.sign);
  expect(() => a.ask({ op: 'activate', standing: { ...standing, activation } })).toThrow(expect.objectContaining({ code: 'alarm' }));
  expect(a.changed).toBe(false);
});

it('is voted for only with the approval of the owner key, or after the waiting time, which begins with the first ask', () => {
  const [a] = bench.members;
  expect(codeOf(a.ask(bench.register(second)))).toBe('cooling-off');
  expect(a.records.get(first.registration.slot)?.announcements).toHaveLength(1);
  const thief = { ...first, owner: bench.keys.make('a thief') };
  expect(codeOf(a.ask(bench.register(second, bench.replacing(second, thief))))).toBe('cooling-off');
  expect(codeOf(a.ask(bench.register(second, bench.replacing(bench.deal(2), first))))).toBe('cooling-off');
  said(a.ask(bench.register(second, bench.replacing(second, first))));
  expect(codeOf(a.ask(bench.register(bench.deal(2), bench.replacing(second, first))))).toBe('stale-generation');
});
