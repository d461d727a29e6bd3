/** Which code a node runs: what the entry permits it for itself, and what it notices of the others. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import { inForce, ownCode, ownMeasurement } from '../../src/node/code.ts';
import { TestFleet } from './fleet.ts';

const [old, next, other] = ['a', 'b', 'c'].map((digit) => digit.repeat(64) as Id) as [Id, Id, Id];
const permitted = (...digests: Id[]) => ({ measurements: digests.map((digest) => ({ digest, rebuild: 'npm run release' })) });

const started = (environment: NodeJS.ProcessEnv, entry: ReturnType<typeof permitted>) => {
  const { measurement, permitted: listed } = ownCode(ownMeasurement(environment), () => entry);
  return { measurement, permitted: listed };
};

describe('a node runs', () => {
  test('what the entry permits, and several things while a fleet is upgraded', () => {
    expect(started({ HOLDFAST_MEASUREMENT: next }, permitted(old, next))).toEqual({ measurement: next, permitted: [old, next] });
  });

  test('by the newest entry it knows: one over the air counts from its own number on, and permits from then on', () => {
    const entry = (sequence: number, ...digests: Id[]) => ({ sequence, ...permitted(...digests) }) as unknown as FleetEntry;
    const configured = entry(2, old);
    expect([undefined, entry(1, next), entry(2, next), entry(3, next)].map((served) => inForce(configured, served).sequence)).toEqual([
      2, 2, 2, 3,
    ]);
    let served: ReturnType<typeof permitted> = permitted(old);
    const code = ownCode(old, () => served);
    served = permitted(old, next);
    expect(code.permitted).toEqual([old, next]);
  });

  test('anything while the entry does not say, and says zeros where no launcher measured it', () => {
    expect(started({ HOLDFAST_MEASUREMENT: next }, permitted())).toEqual({ measurement: next, permitted: [] });
    expect(started({}, permitted())).toEqual({ measurement: NO_ID, permitted: [] });
  });

  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['no other release', { HOLDFAST_MEASUREMENT: other }, /permits other code than this node runs: publish an entry/],
    [
      'no source, once the entry names releases',
      {},
      /started from source, and the fleet entry permits measured code only: start it by the launcher/,
    ],
    ['nothing that is no measurement', { HOLDFAST_MEASUREMENT: 'ABC' }, /HOLDFAST_MEASUREMENT is no measurement/],
  ])('%s', (_, environment, why) => {
    expect(() => started(environment, permitted(old, next))).toThrow(
      expect.objectContaining({ code: 'configuration', message: expect.stringMatching(why) }),
    );
  });
});

describe('a node hears what the others run', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await TestFleet.make();
  });
  afterAll(() => fleet.close());

  test('at their start, and says so when the entry does not permit it; it goes on speaking with them', async () => {
    fleet.code.set(0, { measurement: next, permitted: [old, next] });
    await fleet.stop(0);
    await fleet.start(0);
    fleet.code.set(1, { measurement: other, permitted: [] });
    await fleet.stop(1);
    await fleet.start(1);
    const seen = async () => (await fleet.service(0).health()).peers.find(({ node }) => node === fleet.idOf(1));
    await vi.waitFor(async () => expect(await seen()).toMatchObject({ measurement: other, heardMs: expect.any(Number) }), {
      timeout: 20_000,
    });
    expect(fleet.traces).toContainEqual({ node: 0, what: 'peer-runs-other-code', fields: { node: fleet.idOf(1), measurement: other } });
    await vi.waitFor(async () => expect((await fleet.service(1).health()).standing).toBe('voting'), { timeout: 20_000 });
    expect((await fleet.service(0).health()).measurement).toBe(next);
    // One that the entry does not speak of is nothing to warn of.
    expect(fleet.traces.filter(({ node, what }) => node === 2 && what === 'peer-runs-other-code')).toEqual([]);
  });
});
