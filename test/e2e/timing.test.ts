/**
 * Law 3 on the clock: right and wrong guesses, interleaved by chance and cut off just before the client says what came of them,
 * take the same messages, the same bytes, the same token writes and the same time. Pairs of a right and a wrong one follow each
 * other at once, through the same node and at the same account, so that the load of this machine meets both.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { normalisePasscode, PASSCODE, Secret } from '../../src/client/index.ts';
import { type Config, QUICK, TestFleet } from './fleet.ts';
import { quantile, signedRankP } from './ranks.ts';

const long = process.env['HOLDFAST_LONG'] === '1';

/** Of the same account, before it is locked. */
const PAIRS_PER_ACCOUNT = 5;
const ACCOUNTS_PER_NODE = long ? 40 : 8;
/** On a busy machine no more than these, once so much time is over. */
const ACCOUNTS_PER_NODE_MIN = 5;
const ENOUGH_MS = long ? 900_000 : 120_000;
/** For all comparisons together, less than one false alarm in a million runs. */
const P_MIN = 1e-7;
const PLANTED_MS = 5;
const NODES = [1, 2, 3] as const;
const RIGHT = normalisePasscode('83120465');
const WRONG = normalisePasscode('60417733');
const BUSY_MS = 1_800_000;

/** What whoever carries the messages of one guess sees until it is counted and answered. */
interface Seen {
  /** Paths, statuses, headers and bodies, every text in them by its length; token writes and calls of each node. */
  readonly shape: string;
  /** Of each message until its answer is there whole. */
  readonly ms: readonly number[];
}

interface Pair {
  readonly node: number;
  readonly right: Seen;
  readonly wrong: Seen;
}

let fleet: TestFleet;
const pairs: Pair[] = [];

/** The text with every string in it as its length. */
const lengths = (json: string) =>
  JSON.stringify(JSON.parse(json), (_, value: unknown) => (typeof value === 'string' ? value.length : value));

async function numbersOf(node: number): Promise<string> {
  const { port } = fleet.config(`node-${node}`)['metrics'] as { port: number };
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

async function countsOf(node: number): Promise<readonly number[]> {
  const text = await numbersOf(node);
  return ['holdfast_commit_sequence', 'holdfast_token_calls_total'].map((name) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]),
  );
}

async function guess(user: string, node: number, passcode: Secret<Uint8Array>): Promise<Seen> {
  const shape: string[] = [];
  const ms: number[] = [];
  let over = false;
  const device = await fleet.device(user, node - 1, {
    fetch: async (url, init) => {
      if (over) throw new Error('the device is switched off');
      const began = performance.now();
      const response = await fleet.fetch(url, init);
      const text = await response.clone().text();
      ms.push(performance.now() - began);
      // The rate limit's headers count this test's requests.
      const headers = [...response.headers].filter(([name]) => !['date', 'x-request-id'].includes(name) && !name.startsWith('ratelimit'));
      shape.push(new URL(url).pathname, lengths(String(init.body)), `${response.status}`, JSON.stringify(headers), lengths(text));
      over = url.endsWith('/attempt');
      return response;
    },
  });
  const before = await Promise.all(NODES.map(countsOf));
  const outcome = await device.recover(PASSCODE, passcode).then(
    ({ kind }) => kind,
    ({ code }: { code: string }) => code,
  );
  expect(outcome).toBe(passcode === RIGHT ? 'opened' : 'wrong');
  const after = await Promise.all(NODES.map(countsOf));
  const counts = after.map((numbers, i) => numbers.map((number, k) => number - (before[i]?.[k] ?? 0)));
  return { shape: [...shape, JSON.stringify(counts)].join('\n'), ms };
}

beforeAll(async () => {
  fleet = await TestFleet.up(3, (name, config) => {
    if (name === 'accounts') return config;
    const open = { ...(config['public'] as Config), requestsPerMinute: 100_000 };
    // Every node is waited for, so that the number of answers does not depend on how busy this machine is.
    return { ...config, public: open, timing: { ...(config['timing'] as Config), answerLingerMs: 10_000 } };
  });
  const began = performance.now();
  // The first conversation through a node opens connections and fetches the keys of passes.
  for (let account = -1; account < ACCOUNTS_PER_NODE; account += 1) {
    if (account >= ACCOUNTS_PER_NODE_MIN && performance.now() - began > ENOUGH_MS) break;
    for (const node of NODES) {
      const user = `timed-${node}-${account}`;
      const made = await (await fleet.device(user)).deposit(PASSCODE, new Secret(systemRandom(32)), RIGHT, QUICK);
      expect(made).toMatchObject({ acknowledged: 3 });
      for (let i = 0; i < PAIRS_PER_ACCOUNT; i += 1) {
        const rightFirst = (systemRandom(1)[0] ?? 0) < 128;
        const first = await guess(user, node, rightFirst ? RIGHT : WRONG);
        const second = await guess(user, node, rightFirst ? WRONG : RIGHT);
        if (account >= 0) pairs.push({ node, ...(rightFirst ? { right: first, wrong: second } : { right: second, wrong: first }) });
      }
    }
  }
}, BUSY_MS);
afterAll(() => fleet?.down(), 60_000);

function mostOf(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}

/** By how much the wrong one took longer. @param message 0: the status; 1: the attempt */
const slower = (of: readonly Pair[], message: number) => of.map(({ right, wrong }) => (wrong.ms[message] ?? 0) - (right.ms[message] ?? 0));

describe('until they are counted', () => {
  it('right and wrong guesses take the same messages, bytes and token writes', () => {
    const usual = mostOf(pairs.map(({ right }) => right.shape));
    expect(mostOf(pairs.map(({ wrong }) => wrong.shape))).toBe(usual);
    // At each node one commit, and as many calls of the token.
    expect(usual).toMatch(/^\/v1\/status\n(?:.*\n)*\/v1\/attempt\n(?:.*\n)*\[\[1,(\d+)\],\[1,\1\],\[1,\1\]\]$/);
    // On a busy machine a node may vote or answer late, or still be at the guess before: no more often for one kind.
    const unusual = pairs.map(({ right, wrong }) => Number(wrong.shape !== usual) - Number(right.shape !== usual));
    expect(signedRankP(unusual)).toBeGreaterThan(P_MIN);
    const usually = pairs.flatMap(({ right, wrong }) => [right, wrong]).filter(({ shape }) => shape === usual);
    expect(usually.length).toBeGreaterThan(pairs.length);
  });

  it.each(NODES)('right and wrong guesses take the same time through node %i', (node) => {
    const here = pairs.filter((pair) => pair.node === node);
    expect(here.length).toBeGreaterThanOrEqual(ACCOUNTS_PER_NODE_MIN * PAIRS_PER_ACCOUNT);
    for (const message of [0, 1]) expect(signedRankP(slower(here, message))).toBeGreaterThan(P_MIN);
  });

  it('right and wrong guesses take the same time through all nodes together', () => {
    for (const message of [0, 1]) expect(signedRankP(slower(pairs, message))).toBeGreaterThan(P_MIN);
  });
});

describe('this comparison can tell', () => {
  it('five milliseconds more for wrong ones, or what few pairs differ by on a busy machine, would be seen in the same measurements', () => {
    for (const message of [0, 1]) {
      const differences = slower(pairs, message);
      // On a machine that is too busy for that, what nineteen of twenty pairs do not differ by.
      const seen = (planted: number) => [planted, -planted].every((ms) => signedRankP(differences.map((one) => one + ms)) < P_MIN);
      expect(seen(PLANTED_MS) || seen(quantile(differences.map(Math.abs), 0.95))).toBe(true);
    }
  });

  it('the test counts ranks as it should', () => {
    // Positive ranks 51 of 55, sum of squared ranks 385: z = 23.5 / sqrt(96.25), and p = erfc(z / sqrt(2)).
    expect(signedRankP([1.1, 2.2, -0.3, 1.4, 0.5, -0.6, 2.7, 1.8, 0.9, 1.0])).toBeCloseTo(0.016604878, 7);
    expect(signedRankP([1, -1, 2, -2])).toBeCloseTo(1, 6);
    expect(signedRankP([0, 0])).toBe(1);
  });
});
