/** What a member that starts is told by the others, and what it makes of it (src/quorum/member/rollback.ts). */
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_ID } from '../../src/base/bytes.ts';
import { type Greeting, isRefusal, type Reply } from '../../src/quorum/ask.ts';
import type { Arrival, Talk } from '../../src/quorum/coordinator/conversation.ts';
import { answersToRejoin, rejoin, type Verdict } from '../../src/quorum/coordinator/rejoin.ts';
import { startsOf, takeIn } from '../../src/quorum/member/memory.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const EPOCH = 1n << 32n;
const element = new Uint8Array(33).fill(1);
let bench: Bench;
let first: Deal;

interface Start {
  readonly found: bigint;
  readonly started: bigint;
  readonly reached?: readonly BenchMember[];
  /** What a member says in place of what it would. */
  readonly altered?: (reply: Greeting, from: BenchMember) => Reply;
}

function helloOf(member: BenchMember, found: bigint, started: bigint): Signed {
  const fields = { fleet: bench.fleet.id, signer: member.key.id, nonce: new Uint8Array(32).fill(9), found, started, measurement: NO_ID };
  return signMessage('node/hello', fields, member.key.sign);
}

/** Member 1 says hello; who is not among `reached` is silent. It takes in what it is told. */
function start({ found, started, reached, altered = (reply) => reply }: Start): Verdict {
  const [a, ...others] = bench.members;
  if (a.sequence < started) a.sequence = started;
  const asking = {
    self: a.key.id,
    hello: helloOf(a, found, started),
    memory: [...a.memory.values()],
    answers: answersToRejoin(bench.fleet),
    isOwn: (sequence: bigint) => started <= sequence && sequence <= a.sequence,
  };
  const verdict = converse(
    rejoin(bench.fleet, bench.keys.verify, asking, { startMs: 0, lingerMs: 0, limitMs: 1 }),
    reached ?? others,
    altered,
  );
  a.drive(takeIn(a.member, verdict.memory));
  return verdict;
}

function converse<T>(talk: Talk<T>, reached: readonly BenchMember[], altered: NonNullable<Start['altered']>): T {
  const inbox: Arrival[] = [];
  let step = talk.next();
  while (!step.done) {
    const effect = step.value;
    if (effect.kind === 'ask' && effect.ask.op === 'hello') {
      const member = reached.find((one) => one.key.id === effect.to);
      if (member !== undefined) {
        const reply = member.ask(effect.ask);
        inbox.push({ from: effect.to, reply: isRefusal(reply) ? reply : altered(reply as Greeting, member) });
      }
    }
    step = talk.next(effect.kind === 'next' ? { arrival: inbox.shift(), now: 0 } : undefined);
  }
  return step.value;
}

beforeEach(() => {
  bench = new Bench();
  first = bench.deal(1);
});

/** A vote of member 1 that member 2 answered. @returns its sequence */
function useVote(): bigint {
  const [a, b] = bench.members;
  bench.stand(first);
  said(b.ask(bench.attempt('answer', first, 1, element, bench.votes(first, 1, element, [a, b]))));
  return a.sequence;
}

describe('a member that starts', () => {
  it('rejoins when enough others know of nothing later than its token does', () => {
    const sequence = useVote();
    expect(start({ found: sequence, started: 2n * EPOCH }).kind).toBe('rejoined');
  });

  it('tells others what it remembers of a third', () => {
    useVote();
    const [a, b, c] = bench.members;
    const sequence = b.seen.get(a.key.id) ?? expect.fail('nothing remembered');
    c.seen.clear();
    said(c.ask({ op: 'hello', hello: helloOf(b, b.sequence, 2n * EPOCH), memory: [...b.memory.values()] }));
    expect(c.seen.get(a.key.id)).toBe(sequence);
  });

  it('takes no answer that was given to an earlier hello', () => {
    const sequence = useVote();
    const [a] = bench.members;
    const fields = { fleet: bench.fleet.id, signer: a.key.id, found: sequence, started: 2n * EPOCH, measurement: NO_ID };
    const earlier = signMessage('node/hello', { ...fields, nonce: new Uint8Array(32).fill(8) }, a.key.sign);
    const replay = (_: Greeting, from: BenchMember) => from.ask({ op: 'hello', hello: earlier, memory: [] });
    expect(start({ found: sequence, started: 2n * EPOCH, altered: replay }).kind).toBe('undecided');
  });

  it('is shown its own vote by whoever used it, when its token forgot it', () => {
    const sequence = useVote();
    const verdict = start({ found: sequence - 1n, started: 2n * EPOCH });
    expect(verdict).toMatchObject({ kind: 'rolled-back', vote: { sequence, signer: bench.members[0].key.id } });
  });

  it('is shown it still after any number of starts, because its token remembers what was last vouched for', () => {
    const sequence = useVote();
    const [, , c] = bench.members;
    c.memory.clear();
    expect(start({ found: sequence - 1n, started: 2n * EPOCH, reached: [c] }).kind).toBe('undecided');
    expect(start({ found: sequence - 1n, started: 3n * EPOCH }).kind).toBe('rolled-back');
  });

  it('may ask again: what it said of itself speaks neither for nor against it', () => {
    const sequence = useVote();
    expect(start({ found: sequence, started: 2n * EPOCH, reached: [] }).kind).toBe('undecided');
    expect(start({ found: sequence, started: 2n * EPOCH, reached: [bench.members[1]] }).kind).toBe('undecided');
    expect(start({ found: sequence, started: 2n * EPOCH }).kind).toBe('rejoined');
  });

  it('is not condemned by its own new votes, when it votes from the start', () => {
    const found = useVote();
    const [a, b] = bench.members;
    const started = 2n * EPOCH;
    a.sequence = started;
    const deal = bench.deal(2);
    bench.stand(deal, bench.replacing(deal, first));
    said(b.ask(bench.attempt('answer', deal, 1, element, bench.votes(deal, 1, element, [a, b]))));
    const { sequence } = a;
    expect(start({ found, started }).kind).toBe('rejoined');
    expect(sequence).toBeGreaterThan(started);
  });

  it('that lost the record of a start, and no vote, goes on above that start: it is not quarantined', () => {
    const sequence = useVote();
    const lost = 2n * EPOCH + 7n;
    expect(start({ found: sequence, started: lost, reached: [bench.members[1]] }).kind).toBe('undecided');
    expect(start({ found: sequence, started: 2n * EPOCH + 8n })).toMatchObject({ kind: 'start-lost', above: lost });
    expect(start({ found: sequence, started: 3n * EPOCH + 1n }).kind).toBe('rejoined');
  });

  it('is vouched for by members that have just started too, once they have heard what the others remember', () => {
    const sequence = useVote();
    const [, b, c] = bench.members;
    for (const member of [b, c]) [member.standing, member.merged] = ['none', false];
    expect(start({ found: sequence, started: 2n * EPOCH }).kind).toBe('undecided');
    b.merged = true;
    expect(start({ found: sequence, started: 2n * EPOCH }).kind).toBe('undecided');
    c.merged = true;
    expect(start({ found: sequence, started: 2n * EPOCH }).kind).toBe('rejoined');
  });
});

describe('a token that was put back by more than one start', () => {
  it('is told above which start it must go on, or its votes on what is new would be taken by nobody', () => {
    const sequence = useVote();
    const [a, b] = bench.members;
    a.sequence = 4n * EPOCH;
    said(b.ask({ op: 'hello', hello: helloOf(a, sequence, 4n * EPOCH), memory: [] }));
    a.sequence = sequence - 1n;
    expect(start({ found: sequence - 1n, started: 2n * EPOCH })).toMatchObject({ kind: 'rolled-back', above: 4n * EPOCH });
  });

  it('is found out by its own store, where that outlived it', () => {
    const sequence = useVote();
    const [a, b, c] = bench.members;
    for (const member of [b, c]) member.memory.clear();
    a.drive(takeIn(a.member, bench.votes(first, 1, element, [a])));
    expect(start({ found: sequence - 1n, started: 2n * EPOCH }).kind).toBe('rolled-back');
  });
});

describe('what others say of its past', () => {
  const far = 0xffffn * EPOCH;

  it('counts only by its own signed statements: a liar quarantines nobody', () => {
    const sequence = useVote();
    const [a, b] = bench.members;
    const claims = (member: BenchMember): readonly Signed[] => {
      const { slot, generation, digest } = first.registration;
      const vote = { fleet: bench.fleet.id, signer: a.key.id, slot, generation, digest, sequence: far };
      const unsigned = signMessage('node/register-vote', vote, member.key.sign);
      return [unsigned, signMessage('node/register-vote', { ...vote, signer: member.key.id }, member.key.sign), helloOf(member, far, far)];
    };
    const altered = (reply: Greeting, from: BenchMember) => (from === b ? { ...reply, memory: claims(b) } : reply);
    expect(start({ found: sequence, started: 2n * EPOCH, altered }).kind).toBe('rejoined');
    expect(a.seen.get(a.key.id) ?? 0n).toBeLessThan(far);
  });

  it('is taken from the answer to this very hello', () => {
    const sequence = useVote();
    const old: Greeting[] = [];
    const keep = (reply: Greeting) => {
      old.push(reply);
      return reply;
    };
    start({ found: sequence, started: 2n * EPOCH, altered: keep });
    const other = { ...helloOf(bench.members[1], 1n, 1n) };
    expect(start({ found: sequence, started: 2n * EPOCH, altered: () => ({ ...other, memory: [] }) }).kind).toBe('undecided');
  });
});

describe('the memory of all members', () => {
  it('travels with every hello and its answer, so that a member with an empty store has it before it vouches', () => {
    const sequence = useVote();
    const [a, b, c] = bench.members;
    b.merged = true;
    const known = b.memory.get(a.key.id);
    c.memory.clear();
    c.seen.clear();
    c.merged = false;
    // Member 3 with its empty store says hello to member 2, and then knows what member 2 does of member 1.
    const hello = helloOf(c, c.sequence, 2n * EPOCH);
    const told = b.ask({ op: 'hello', hello, memory: [] }) as Greeting;
    c.drive(takeIn(c.member, told.memory));
    expect(c.memory.get(a.key.id)).toEqual(known);
    expect(start({ found: sequence - 1n, started: 2n * EPOCH, reached: [c] }).kind).toBe('rolled-back');
  });

  it('keeps of two starts with one epoch the first: it proves that the token was put back in between', () => {
    const [a, b] = bench.members;
    const greet = (started: bigint) => b.ask({ op: 'hello', hello: helloOf(a, 0n, started), memory: [] });
    said(greet(2n * EPOCH + 7n));
    said(greet(2n * EPOCH + 9n));
    expect(b.seen.get(startsOf(a.key.id))).toBe(2n * EPOCH + 7n);
    said(greet(3n * EPOCH + 1n));
    expect(b.seen.get(startsOf(a.key.id))).toBe(3n * EPOCH + 1n);
  });

  it('takes in nothing that its signer did not sign, and nothing older than it has', () => {
    const sequence = useVote();
    const [a, b, c] = bench.members;
    const vote = b.memory.get(a.key.id) as Signed;
    c.drive(takeIn(c.member, [{ ...vote, signature: c.key.sign(vote.bytes) }]));
    expect(c.seen.get(a.key.id) ?? 0n).toBeLessThan(sequence);
    c.drive(takeIn(c.member, [vote]));
    expect(c.seen.get(a.key.id)).toBe(sequence);
    c.drive(takeIn(c.member, [vote]));
    expect(c.did).not.toContain('saw');
  });
});
