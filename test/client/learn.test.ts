/** A client that pins only a root: what it learns from nodes that may lie, and what each attack on the bundle runs into. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fetch } from '../../src/client/fleet-http.ts';
import type { Known, KnownStore } from '../../src/client/known.ts';
import { memoryKnown } from '../../src/client/known.ts';
import { type LearnOptions, learnFleet, type RefusedBundle } from '../../src/client/learn.ts';
import { fetchWith } from '../../src/client/node/index.ts';
import { DAY_MS, goodFleet, NOW_MS, World } from '../trust/world.ts';
import { type BundleServer, serveBundle } from './nodes.ts';

let world: World;
let nodes: BundleServer[];
let known: KnownStore;
let reported: RefusedBundle[];
const web = fetchWith();
/** The nodes that entries name are nobody's. */
const fetchHere: Fetch = (url, init) =>
  url.startsWith('http://127.0.0.1') ? web.fetch(url, init) : Promise.reject(new Error('nobody is there'));

beforeEach(async () => {
  world = new World();
  await world.publish();
  nodes = [];
  known = memoryKnown();
  reported = [];
});
afterEach(() => {
  for (const node of nodes) node.close();
});

/** One node for each of these. */
async function serve(...bundles: readonly (string | undefined)[]): Promise<string[]> {
  const made = await Promise.all(bundles.map(serveBundle));
  nodes.push(...made);
  return made.map(({ url }) => url);
}

const good = async (faults = {}) => (await world.bundle(faults)).line;
const learn = (urls: readonly string[], changed: Partial<LearnOptions> = {}) =>
  learnFleet({
    root: world.roots[0]!,
    urls,
    policy: { thirdParties: 1, allowSimulated: false },
    known,
    purpose: { kind: 'register' },
    report: (one) => reported.push(one),
    fetch: fetchHere,
    clock: () => NOW_MS,
    ...changed,
  });
const active = { kind: 'recover', fleet: 'active' } as const;
const failsAt = (check: string) => ({ code: 'untrusted-bundle', evidence: expect.objectContaining({ check }) });

describe('a client that has never heard of the fleet', () => {
  test('learns its keys from any node, and may register', async () => {
    const learned = await learn(await serve(await good()));
    expect(learned.trusted.entry.digest).toBe(world.leaves[0]!.entry.digest);
    expect(learned.stale).toEqual([]);
    expect(learned.requireRegistering().fleet.state).toBe('active');
    expect((await known.load())?.seen.sequence).toBe(1);
  });

  test('asks all nodes and takes the newest that verifies; what does not verify is reported', async () => {
    const old = await good();
    await world.publish();
    const newer = await good();
    const forged = newer.replace('holdfast/fleet-bundle/v1', 'holdfast/fleet-bundle/v2');
    const urls = await serve(old, 'nonsense', undefined, forged, newer);
    expect((await learn([...urls, 'http://127.0.0.1:1'])).trusted.entry.sequence).toBe(2);
    expect(reported.map(({ from }) => from)).toEqual([`${urls[1]}/v1/bundle`, `${urls[3]}/v1/bundle`]);
    expect(reported.map(({ verdict }) => verdict.checks.find(({ result }) => result === 'failed')?.name)).toEqual([
      'bundle-form',
      'entry-form',
    ]);
  });

  test('of two with one entry takes the one refreshed later', async () => {
    const [old, fresh] = [await good({ cosignedAtMs: NOW_MS - 20 * DAY_MS }), await good()];
    for (const order of [
      [old, fresh],
      [fresh, old],
    ]) {
      expect((await learn(await serve(...order), { purpose: active, known: memoryKnown() })).stale).toEqual([]);
    }
  });

  test('fails with the precise reason when none verifies', async () => {
    await expect(learn(await serve('nonsense', await good({ cosigners: [world.operator, ...world.thirdParties] })))).rejects.toMatchObject(
      failsAt('witness'),
    );
  });

  test('fails when nobody answers, and takes no endless answer', async () => {
    await expect(learn(await serve(undefined))).rejects.toMatchObject({ code: 'no-quorum' });
    await expect(learn(await serve(' '.repeat(300_000)))).rejects.toMatchObject({
      message: expect.stringContaining('more than 262145 bytes'),
    });
  });

  test('refuses a split view when two nodes show one each, and keeps neither', async () => {
    const here = await good();
    const elsewhere = new World();
    await elsewhere.publish({ fleets: [goodFleet(3, 101)] });
    const there = (await elsewhere.bundle()).line;
    await expect(learn(await serve(here, there))).rejects.toMatchObject({
      code: 'untrusted-bundle',
      message: expect.stringContaining('two different pasts of one log'),
    });
    expect(await known.load()).toBeUndefined();
  });
});

describe('a client that comes back', () => {
  beforeEach(async () => {
    await world.publish();
    await learn(await serve(await good()));
  });

  test('is not shown less than before: an older entry, a smaller log', async () => {
    await expect(learn(await serve(await good({ index: 0, size: 1 })), { known: onlySeen() })).rejects.toMatchObject(failsAt('sequence'));
    await expect(learn(await serve(await good({ index: 1, size: 2, cosigners: [] })), { known: onlySeen() })).rejects.toMatchObject(
      failsAt('witness'),
    );
  });

  test('finds out that it and another client were shown two logs', async () => {
    const forked = new World();
    await forked.publish();
    await forked.publish({ fleets: [goodFleet(3), goodFleet(3, 101)] });
    const urls = await serve((await forked.bundle()).line);
    await expect(learn(urls)).rejects.toMatchObject({ message: expect.stringContaining('two different pasts of one log') });
    // What it recovers is under the very keys that its backup names.
    const fleet = world.leaves[0]!.entry.fleets[0]!.fleet.id;
    const learned = await learn(urls, { purpose: { kind: 'recover', fleet } });
    expect(learned.split).toMatchObject([{ from: `${urls[0]}/v1/bundle` }, { from: 'what this client kept' }]);
    expect(() => learned.requireRegistering()).toThrow(/two different pasts/);
  });

  test('recovers from what it kept when no node gives a bundle, and over an old one, with a warning', async () => {
    const fleet = world.leaves[0]!.entry.fleets[0]!.fleet.id;
    const later = { purpose: { kind: 'recover', fleet }, clock: () => NOW_MS + 30 * DAY_MS } as const;
    const learned = await learn(['http://127.0.0.1:1'], later);
    expect(learned.stale.map(({ name }) => name)).toEqual(['freshness']);
    expect(() => learned.requireRegistering()).toThrow(expect.objectContaining(failsAt('freshness')));
    expect((await known.load())?.seen.sequence).toBe(2);
  });

  test('does not follow an entry that drops the fleet of its backup, whoever signed it', async () => {
    const fleet = world.leaves[0]!.entry.fleets[0]!.fleet.id;
    await world.publish({ fleets: [goodFleet(3, 101)] });
    const dropped = await serve(await good());
    await expect(learn(dropped, { purpose: { kind: 'recover', fleet }, known: onlySeen() })).rejects.toMatchObject(failsAt('fleet'));
  });

  /** Has seen what the client saw, without a bundle of its own to fall back on. */
  function onlySeen(): KnownStore {
    return { load: async () => ({ ...((await known.load()) as Known), bundle: '' }), save: (value) => known.save(value) };
  }
});

test('the nodes of the entry that was learnt last are asked too: those that a client began with may be gone', async () => {
  await learn(await serve(await good()));
  await world.publish();
  const newer = await good();
  const asked: string[] = [];
  const answering: Fetch = async (url) => {
    asked.push(url);
    return url.startsWith(world.leaves[0]!.entry.fleets[0]!.nodes[1]!.url) ? new Response(newer) : Promise.reject(new Error('gone'));
  };
  expect((await learn(['https://gone.example.org/'], { fetch: answering })).trusted.entry.sequence).toBe(2);
  expect(asked.toSorted()).toEqual(
    ['https://gone.example.org', ...world.leaves[0]!.entry.fleets[0]!.nodes.map(({ url }) => url)]
      .map((url) => `${url}/v1/bundle`)
      .toSorted(),
  );
});

describe('a bundle in an answer', () => {
  test('is kept for the next session when it is newer and verifies', async () => {
    const learned = await learn(await serve(await good()));
    await world.publish();
    await learned.hear(await good(), 'node 1');
    expect(learned.trusted.entry.sequence).toBe(1);
    expect(reported).toEqual([]);
    expect((await learn(['http://127.0.0.1:1'])).trusted.entry.sequence).toBe(2);
  });

  test('is reported when it is bad, once, and changes nothing', async () => {
    const learned = await learn(await serve(await good()));
    const before = await known.load();
    await world.publish();
    const unsigned = await good({ cosigners: [world.witness, ...world.thirdParties] });
    await learned.hear(unsigned, 'node 1');
    await learned.hear(unsigned, 'node 1');
    expect(reported).toMatchObject([{ from: 'node 1', why: expect.stringContaining('countersign') }]);
    expect(await known.load()).toEqual(before);
  });

  test('that is of another past of the log is reported, although everybody signed it', async () => {
    const learned = await learn(await serve(await good()));
    const forked = new World();
    await forked.publish({ fleets: [goodFleet(3), goodFleet(3, 101)] });
    await learned.hear((await forked.bundle()).line, 'node 2');
    expect(reported).toMatchObject([{ from: 'node 2', why: expect.stringContaining('another past of the log') }]);
  });

  test('that drops the fleet in use is reported', async () => {
    const learned = await learn(await serve(await good()));
    await world.publish({ fleets: [goodFleet(3, 101)] });
    await learned.hear(await good(), 'node 3');
    expect(reported).toMatchObject([{ from: 'node 3', why: expect.stringContaining('does not name this fleet') }]);
  });

  test('that is merely older is passed over', async () => {
    const old = await good();
    await world.publish();
    const learned = await learn(await serve(await good()));
    await learned.hear(old, 'node 1');
    expect(reported).toEqual([]);
    expect((await known.load())?.seen.sequence).toBe(2);
  });
});
