import { describe, expect, test, vi } from 'vitest';
import { type Id, utf8 } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { converse, type Floor } from '../../src/node/talk.ts';
import { type Reply, refuse } from '../../src/quorum/ask.ts';
import { gather } from '../../src/quorum/coordinator/conversation.ts';
import type { Question } from '../../src/quorum/member/member.ts';
import type { MemberPort } from '../../src/web/ports.ts';

const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(64) as Id);
const [a, b, c] = ids as [Id, Id, Id];
const hello = { op: 'hello', hello: { bytes: new Uint8Array(), signature: new Uint8Array() }, memory: [] } as const;
const says = (text: string): Reply => ({ bytes: utf8(text), signature: new Uint8Array(64) });
const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(resolve, ms, value));
const never = new AbortController().signal;

/** A floor of members that answer as given; what it was told of is kept. */
function floorOf(answers: Record<Id, (ask: Question, signal: AbortSignal) => Promise<Reply>>) {
  const silent: Id[] = [];
  const taught: Id[] = [];
  const floor: Floor = {
    clock: Date.now,
    at: (node, signal) => ({ ask: (ask: Question) => answers[node]?.(ask, signal) }) as unknown as MemberPort,
    seen: async () => 0n,
    bringUp: async (node) => void taught.push(node),
    learn: async () => 0,
    heard: () => undefined,
    unreachable: (node) => void silent.push(node),
  };
  return { floor, silent, taught };
}

const expecting = (enough: number, slot?: Id) => ({ enough, counts: () => true, slot });
const patience = (limitMs: number, lingerMs = 0) => ({ startMs: Date.now(), limitMs, lingerMs });

describe('a conversation', () => {
  test('takes who answers, and lets a member that hangs hang no longer than the limit', async () => {
    const signals: AbortSignal[] = [];
    const { floor, silent } = floorOf({
      [a]: async () => says('a'),
      [b]: () => Promise.reject(new Error('no route')),
      [c]: (_, signal) => {
        signals.push(signal);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      },
    });
    const { said, refused } = await converse(floor, gather(ids, hello, patience(50), expecting(3)), never);
    expect(said.map(({ node }) => node)).toEqual([a]);
    expect(refused).toEqual([]);
    expect(silent).toEqual([b]);
    const aborted = () => signals.map((signal) => signal.aborted);
    expect(aborted(), 'a late answer keeps its connection').toEqual([false]);
    await vi.waitFor(() => expect(aborted(), 'but nothing goes on for long').toEqual([true]), 3_000);
  });

  test("takes a member's error for its refusal", async () => {
    const { floor } = floorOf({
      [a]: () => Promise.reject(new HoldfastError('request-expired', 'too old', { secondsLeft: -1 })),
      [b]: async () => refuse('locked', 'used up'),
      [c]: async () => says('c'),
    });
    const { refused } = await converse(floor, gather(ids, hello, patience(1_000), expecting(3)), never);
    expect(refused.map(({ node, refusal }) => [node, refusal.refused])).toEqual([
      [a, 'request-expired'],
      [b, 'locked'],
    ]);
  });

  test('goes on waiting for honest members when one is quick with what does not count', async () => {
    const { floor } = floorOf({ [a]: async () => says('nonsense'), [b]: () => later(40, says('b')), [c]: () => later(60, says('c')) });
    const counts = (_: unknown, from: Id) => from !== a;
    const { said } = await converse(floor, gather(ids, hello, patience(1_000), { enough: 2, counts }), never);
    expect(said.map(({ node }) => node)).toEqual([a, b, c]);
  });

  test('teaches who is behind, then asks again', async () => {
    let asked = 0;
    const { floor, taught } = floorOf({ [a]: async () => (++asked === 1 ? refuse('not-found', 'new to me') : says('a')) });
    const { said } = await converse(floor, gather([a], hello, patience(1_000), expecting(1, b)), never);
    expect([said.length, asked, taught]).toEqual([1, 2, [a]]);
  });

  test('never takes a late answer to the first question for one to the second', async () => {
    let asked = 0;
    const { floor } = floorOf({
      [a]: async () => says('quick'),
      [b]: () => later(++asked === 1 ? 30 : 60, says(asked === 1 ? 'to the first' : 'to the second')),
    });
    function* two() {
      yield* gather([a, b], hello, patience(1_000), expecting(1));
      return yield* gather([a, b], hello, patience(1_000), expecting(2));
    }
    const { said } = await converse(floor, two(), never);
    expect(said.map(({ node, signed }) => [node, new TextDecoder().decode(signed.bytes)])).toEqual([
      [a, 'quick'],
      [b, 'to the second'],
    ]);
  });

  test('ends at once when it is stopped', async () => {
    const stop = new AbortController();
    const { floor } = floorOf({ [a]: () => later(1_000, says('late')) });
    const startMs = Date.now();
    setTimeout(() => stop.abort(), 20);
    expect((await converse(floor, gather([a], hello, patience(10_000), expecting(1)), stop.signal)).said).toEqual([]);
    expect(Date.now() - startMs).toBeLessThan(900);
  });
});
