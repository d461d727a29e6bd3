/**
 * Law 3 on real processes: until a guess is confirmed, a right one and a wrong one look alike in everything that a node says,
 * stores, counts, measures or traces. What the client alone knows leaves it with the confirmation, and the guess is counted by then.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Id, idToBytes } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { normalisePasscode, PASSCODE, Secret } from '../../src/client/index.ts';
import { type Config, QUICK, TestFleet } from './fleet.ts';

const NODES = ['node-1', 'node-2', 'node-3'] as const;
const RIGHT = normalisePasscode('83120465');
const WRONG = normalisePasscode('60417733');

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.up(3, (name, config) => {
    if (name === 'accounts') return config;
    // Every node is waited for, so that the number of answers does not depend on how busy this machine is.
    return { ...config, timing: { ...(config['timing'] as Config), answerLingerMs: 10_000 }, trace: { level: 'debug' } };
  });
}, 180_000);
afterAll(() => fleet?.down(), 60_000);

/** What one node's disk, counters, metrics and trace hold at one moment. */
interface Moment {
  readonly proof: string;
  readonly own: string;
  readonly due: boolean;
  readonly events: readonly string[];
  /** Rises with the writes of slots. */
  readonly cursor: number;
  /** Counted things by name: commits and calls of the token, requests by path and status. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly lines: readonly string[];
}

async function momentOf(node: string, slot: Id): Promise<Moment> {
  const database = new DatabaseSync(join(fleet.folder, node, 'data', 'holdfast.db'), { readOnly: true });
  const row = database.prepare('SELECT proof, own, due FROM slots WHERE slot = ?').get(idToBytes(slot));
  const events = database.prepare('SELECT kind, generation, attempt FROM events WHERE slot = ? ORDER BY at').all(idToBytes(slot));
  const cursor = Number(database.prepare('SELECT max(changed) AS cursor FROM slots').get()?.['cursor']);
  database.close();
  const { port } = fleet.config(node)['metrics'] as { port: number };
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const trace = readFileSync(join(fleet.folder, node, 'trace.log'), 'utf8')
    .trimEnd()
    .split('\n');
  return {
    proof: String(row?.['proof']),
    own: String(row?.['own']),
    due: row?.['due'] !== null,
    events: events.map(({ kind, generation, attempt }) => `${kind} ${generation} ${attempt}`),
    cursor,
    numbers: new Map(
      [...metrics.matchAll(/^(holdfast_(?:commit_sequence|token_calls_total|slots|locks_due|request_seconds_count\S*)) (\S+)$/gm)].map(
        ([, name, value]) => [name ?? '', Number(value)],
      ),
    ),
    // Connections between nodes come and go with the load.
    lines: trace.filter((line) => line.startsWith('{') && !line.includes('a peer connected')).map(shapeOf),
  };
}

/** A line of the trace without what differs from line to line: times and request ids. */
function shapeOf(line: string): string {
  const { level, msg, req, res, ...rest } = JSON.parse(line) as Record<string, Record<string, unknown> | string | number>;
  const { method, path } = (req ?? {}) as Record<string, unknown>;
  return JSON.stringify([level, msg, method, path, res, Object.keys(rest).sort()]);
}

/** What a guess did at one node between two moments, in sizes and counts. */
function difference(before: Moment, after: Moment) {
  const numbers = [...after.numbers].map(([name, value]) => [name, value - (before.numbers.get(name) ?? 0)] as const);
  return {
    proof: after.proof.length - before.proof.length,
    own: after.own.length - before.own.length,
    due: after.due,
    events: after.events.slice(before.events.length),
    writes: after.cursor - before.cursor,
    numbers: numbers.filter(([, count]) => count !== 0),
    lines: after.lines.slice(before.lines.length),
  };
}

interface Wire {
  readonly path: string;
  readonly status: number;
  readonly headers: readonly string[];
  readonly sent: number;
  readonly got: number;
}

/** One guess at a new account, stopped just before the client says what came of it. */
async function observe(user: string, passcode: Secret<Uint8Array>, confirms = false) {
  const key = systemRandom(32);
  const owner = await fleet.device(user);
  expect(await owner.deposit(PASSCODE, new Secret(key), RIGHT, QUICK)).toMatchObject({ acknowledged: 3 });
  const slot = owner.slot(PASSCODE);
  const moments = () => Promise.all(NODES.map((node) => momentOf(node, slot)));
  const before = await moments();
  const wire: Wire[] = [];
  let over = false;
  const device = await fleet.device(user, 0, {
    fetch: async (url, init) => {
      if (over && !confirms) throw new Error('the device is switched off');
      const response = await fleet.fetch(url, init);
      const { status, headers } = response;
      // The rate limit's headers count this test's requests.
      const kept = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id' && !name.startsWith('ratelimit'));
      const got = (await response.clone().text()).length;
      wire.push({ path: new URL(url).pathname, status, headers: kept.map((pair) => pair.join(': ')), sent: String(init.body).length, got });
      over ||= url.endsWith('/attempt');
      return response;
    },
  });
  const outcome = await device.recover(PASSCODE, passcode).then(
    ({ kind }) => kind,
    ({ code }: { code: string }) => code,
  );
  const after = await moments();
  /** A node that was slow may be asked for its answer before its vote; it then gives none, whatever the guess. */
  const allVoted = after.every(({ own }) => own.includes('"attemptVote"'));
  return { outcome, wire, nodes: after.map((moment, i) => difference(before[i] as Moment, moment)), allVoted };
}

async function observeWhole(user: string, passcode: Secret<Uint8Array>) {
  for (let i = 0; i < 10; i += 1) {
    const observed = await observe(`${user}-${i}`, passcode);
    if (observed.allVoted) return observed;
  }
  return expect.fail('some node never votes on this guess');
}

it('right and wrong guesses are answered, stored, counted, measured and traced alike', async () => {
  // The first conversation of all opens connections and fetches the keys of passes.
  await observe('first', WRONG);
  const observed = [
    await observeWhole('guess-a', RIGHT),
    await observeWhole('guess-b', WRONG),
    await observeWhole('guess-c', WRONG),
    await observeWhole('guess-d', RIGHT),
  ];
  // The client knows, also when nobody answers it any more; what follows is all that anybody else has.
  expect(observed.map(({ outcome }) => outcome)).toEqual(['opened', 'wrong', 'wrong', 'opened']);
  const [first, ...others] = observed.map(({ outcome: _, ...seen }) => seen);
  expect(first?.wire.map(({ path }) => path)).toEqual(['/v1/status', '/v1/attempt']);
  for (const { numbers, events } of first?.nodes ?? []) {
    // It is counted by then.
    expect(events).toEqual(['guess 1 1']);
    expect(new Map(numbers).get('holdfast_commit_sequence')).toBe(1);
  }
  for (const other of others) expect(other).toEqual(first);
}, 120_000);

it('only what the client says afterwards differs: this comparison can tell', async () => {
  const right = await observe('later-a', RIGHT, true);
  const wrong = await observe('later-b', WRONG, true);
  expect([right.outcome, wrong.outcome]).toEqual(['opened', 'wrong']);
  expect(right.nodes).not.toEqual(wrong.nodes);
  for (const { events } of right.nodes) expect(events).toContain('success 1 1');
});
