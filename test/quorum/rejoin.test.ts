/** What a member that starts is told by the others, and what it makes of it (src/quorum/member/rollback.ts). */
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_ID } from '../../src/base/bytes.ts';
import type { Arrival, Talk } from '../../src/quorum/coordinator/conversation.ts';
import { rejoin, type Verdict } from '../../src/quorum/coordinator/rejoin.ts';
import { signMessage } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import { Bench, type BenchMember, said } from './bench.ts';

const EPOCH = 1n << 32n;
const element = new Uint8Array(33).fill(1);
let bench: Bench;
let first: Deal;

/** Member 1 says hello; who is not among `reached` is silent. */
function start({ found, started, reached }: { found: bigint; started: bigint; reached?: readonly BenchMember[] }): Verdict['kind'] {
  const [a, ...others] = bench.members;
  if (a.sequence < started) a.sequence = started;
  const fields = { fleet: bench.fleet.id, signer: a.key.id, nonce: new Uint8Array(32).fill(9), found, started, measurement: NO_ID };
  const hello = signMessage('node/hello', fields, a.key.sign);
  const patience = { startMs: 0, lingerMs: 0, limitMs: 1 };
  return converse(
    rejoin(bench.fleet, a.key.id, bench.keys.verify, hello, patience, () => a.sequence),
    reached ?? others,
  ).kind;
}

function converse<T>(talk: Talk<T>, reached: readonly BenchMember[]): T {
  const inbox: Arrival[] = [];
  let step = talk.next();
  while (!step.done) {
    const effect = step.value;
    if (effect.kind === 'ask' && effect.ask.op === 'hello') {
      const member = reached.find((one) => one.key.id === effect.to);
      if (member !== undefined) inbox.push({ from: effect.to, reply: member.ask(effect.ask) });
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
    expect(start({ found: sequence, started: 2n * EPOCH })).toBe('rejoined');
  });

  it('is told that it was rolled back by whoever used a vote that its token forgot', () => {
    const sequence = useVote();
    expect(start({ found: sequence - 1n, started: 2n * EPOCH })).toBe('rolled-back');
  });

  it('is told so still after any number of starts, because its token remembers what was last vouched for', () => {
    const sequence = useVote();
    const [, , c] = bench.members;
    expect(start({ found: sequence - 1n, started: 2n * EPOCH, reached: [c] })).toBe('undecided');
    expect(start({ found: sequence - 1n, started: 3n * EPOCH })).toBe('rolled-back');
  });

  it('may ask again: what it said of itself speaks neither for nor against it', () => {
    const sequence = useVote();
    expect(start({ found: sequence, started: 2n * EPOCH, reached: [] })).toBe('undecided');
    expect(start({ found: sequence, started: 2n * EPOCH, reached: [bench.members[1]] })).toBe('undecided');
    expect(start({ found: sequence, started: 2n * EPOCH })).toBe('rejoined');
  });

  it('is not condemned by its own new votes, when it votes from the start', () => {
    const found = useVote();
    const [a, b] = bench.members;
    const started = 2n * EPOCH;
    a.sequence = started;
    const deal = bench.deal(2);
    const replace = bench.replacing(deal, first);
    bench.stand(deal, replace);
    said(b.ask(bench.attempt('answer', deal, 1, element, bench.votes(deal, 1, element, [a, b]))));
    const { sequence } = a;
    expect(start({ found, started })).toBe('rejoined');
    expect(sequence).toBeGreaterThan(started);
  });

  it('is told of another start with its own number: its token was put back in between', () => {
    const sequence = useVote();
    expect(start({ found: sequence, started: 2n * EPOCH + 7n, reached: [bench.members[1]] })).toBe('undecided');
    expect(start({ found: sequence, started: 2n * EPOCH + 8n })).toBe('rolled-back');
  });

  it('is not believed by members that have just started themselves, unless all are asked', () => {
    const sequence = useVote();
    const [, b, c] = bench.members;
    for (const member of [b, c]) member.standing = 'none';
    expect(start({ found: sequence, started: 2n * EPOCH, reached: [b] })).toBe('undecided');
    expect(start({ found: sequence, started: 3n * EPOCH })).toBe('rejoined');
  });
});
