/**
 * What has been done, or could be, to make a client accept fleet keys that it should not: each is performed here on
 * `verifyBundle`, and seen to fail at the check that is there for it. Here: the entry, and the fleets in it.
 */
import { describe, expect, test } from 'vitest';
import { fromBase64url } from '../../../src/base/bytes.ts';
import { makeFleet } from '../../../src/fleet/fleet.ts';
import { isoTime } from '../../../src/trust/continuity.ts';
import { nodeStatement } from '../../../src/trust/signed-entry.ts';
import { requireTrusted } from '../../../src/trust/verify.ts';
import { noteKey } from '../../log/keys.ts';
import { DAY_MS, goodFleet, honestNode, NAMESPACE, NOW_MS, signAsNode, World } from '../world.ts';
import { check, expectRefused, namesOf, published, recover } from './verdicts.ts';

describe('the entry', () => {
  test('of another namespace, with all its signatures, is refused', async () => {
    const world = await published({ namespace: 'example.org/other', fleets: [goodFleet(3, 1, 'example.org/other')] });
    const { line } = await world.bundle();
    expectRefused(check(world, line), 'namespace');
    expectRefused(check(world, line, recover(world)), 'namespace');
  });

  test('with too few release signatures is refused', async () => {
    const world = new World();
    await world.publish({}, { release: world.release.slice(0, 1) });
    expectRefused(check(world, (await world.bundle()).line), 'release');
    expectRefused(check(world, (await world.bundle()).line, recover(world)), 'release');
  });

  test('signed by one release key twice is refused', async () => {
    const world = new World();
    await world.publish({}, { release: [world.release[0]!, world.release[0]!] });
    expectRefused(check(world, (await world.bundle()).line), 'release');
  });

  test('signed by others under the names of release keys is refused', async () => {
    const release = ['release-1.example.org', 'release-2.example.org'].map((name) => noteKey(name, 'imposter'));
    const world = await published({}, { release });
    expectRefused(check(world, (await world.bundle()).line), 'release');
  });

  test("with one node's sealing key substituted is refused: the operator's release keys are not enough", async () => {
    const honest = goodFleet();
    const thief = goodFleet(3, 101).nodes[0]!.sealingKey;
    const nodes = honest.nodes.map((node, i) => (i === 1 ? { ...node, sealingKey: thief } : node));
    const keys = nodes.map((one) => ({ identityKey: fromBase64url(one.identityKey), sealingKey: fromBase64url(one.sealingKey) }));
    const fleets = [{ ...honest, id: makeFleet(NAMESPACE, honest.quorum, honest.threshold, keys).id, nodes }];
    // All that the operator has of the nodes: what they signed when their keys were their own.
    const before = new World().entry();
    const world = await published({ fleets }, { nodes: (node, fleet) => signAsNode(node, nodeStatement(before, fleet, node)) });
    expectRefused(check(world, (await world.bundle()).line), 'nodes');
    expectRefused(check(world, (await world.bundle()).line, recover(world)), 'nodes');
  });

  test('that a node did not sign, or signed for another fleet, is refused', async () => {
    const without = await published(
      {},
      { nodes: (node, fleet, entry) => (node.name === 'node-2' ? undefined : honestNode(node, fleet, entry)) },
    );
    expectRefused(check(without, (await without.bundle()).line), 'nodes');
    const other = new World().entry({ fleets: [goodFleet(3, 101)] }).fleets[0]!;
    const crossed = await published({}, { nodes: (node, _, entry) => signAsNode(node, nodeStatement(entry, other, node)) });
    expectRefused(check(crossed, (await crossed.bundle()).line), 'nodes');
  });

  test('needs no signatures of nodes whose fleet is retired, and all of those whose fleet is retiring', async () => {
    const old = (state: 'retiring' | 'retired') => ({ ...goodFleet(3, 101), state });
    const sign = {
      nodes: (...[node, fleet, entry]: Parameters<typeof honestNode>) =>
        fleet.state === 'active' ? honestNode(node, fleet, entry) : undefined,
    };
    const retired = await published({ fleets: [goodFleet(), old('retired')] }, sign);
    expect(check(retired, (await retired.bundle()).line).trusted).toBe(true);
    const retiring = await published({ fleets: [goodFleet(), old('retiring')] }, sign);
    expectRefused(check(retiring, (await retiring.bundle()).line), 'nodes');
  });

  test('changed under a kept proof is refused', async () => {
    const world = await published();
    const other = await world.sign(
      world.entry({ sequence: 1, previous: world.leaves[0]!.entry.previous, validUntil: isoTime(NOW_MS + 300 * DAY_MS) }),
    );
    expectRefused(check(world, (await world.bundle({ entry: other.text })).line), 'inclusion');
    expectRefused(check(world, (await world.bundle({ entry: other.text })).line, recover(world)), 'inclusion');
  });

  test('with a signature more than the logged one is refused: the leaf is the note as a whole', async () => {
    const world = await published();
    const more = await world.sign(world.leaves[0]!.entry, { release: world.release });
    expectRefused(check(world, (await world.bundle({ entry: more.text })).line), 'inclusion');
  });

  test('that is not valid now is refused; a recovery is warned', async () => {
    const world = await published({ validUntil: isoTime(NOW_MS - DAY_MS / 2) });
    const { line } = await world.bundle();
    expectRefused(check(world, line), 'validity');
    const verdict = check(world, line, recover(world));
    expect(namesOf(verdict, 'warning')).toEqual(['validity']);
    expect(verdict.trusted).toBe(true);
    const early = await published({ validFrom: isoTime(NOW_MS + 1000) });
    expectRefused(check(early, (await early.bundle()).line), 'validity');
  });
});

describe('the fleet', () => {
  test('that a backup names and the bundle drops is missed; one that takes no more registrations is still found', async () => {
    const world = await published({ fleets: [{ ...goodFleet(), state: 'retiring' }] });
    const named = recover(world);
    expect(requireTrusted(check(world, (await world.bundle()).line, named)).fleet.state).toBe('retiring');
    expectRefused(check(world, (await world.bundle()).line), 'fleet');
    await world.publish({ fleets: [goodFleet(3, 101)] });
    const { line } = await world.bundle();
    expect(check(world, line).trusted).toBe(true);
    expectRefused(check(world, line, named), 'fleet');
  });

  test.each(['region', 'operator'] as const)('with too many nodes in one %s is refused; a recovery is warned', async (what) => {
    const fleet = goodFleet();
    const world = await published({
      fleets: [{ ...fleet, nodes: fleet.nodes.map((node, i) => (i < 2 ? { ...node, [what]: 'Here' } : node)) }],
    });
    const { line } = await world.bundle();
    expectRefused(check(world, line), 'spread');
    expect(namesOf(check(world, line, recover(world)), 'warning')).toEqual(['spread']);
  });

  test('on simulated tokens is refused, unless that is allowed in so many words', async () => {
    const fleet = goodFleet();
    const world = await published({
      fleets: [{ ...fleet, nodes: fleet.nodes.map((node) => ({ ...node, token: { ...node.token, simulated: true } })) }],
    });
    const { line } = await world.bundle();
    expectRefused(check(world, line), 'simulated');
    expectRefused(check(world, line, recover(world)), 'simulated');
    const verdict = check(world, line, { policy: { thirdParties: 1, allowSimulated: true } });
    expect(verdict.trusted).toBe(true);
    expect(namesOf(verdict, 'warning')).toEqual(['simulated']);
  });
});
