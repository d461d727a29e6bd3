/** What is made of an entry that a lost node no longer signs: nobody speaks in its place, and no fleet revives on old signatures. */
import { describe, expect, test } from 'vitest';
import { fromBase64url } from '../../../src/base/bytes.ts';
import type { EntryFleet, EntryNode, FleetEntry } from '../../../src/fleet/entry.ts';
import { makeFleet } from '../../../src/fleet/fleet.ts';
import { isoTime } from '../../../src/trust/continuity.ts';
import { nodeStatement } from '../../../src/trust/signed-entry.ts';
import { requireTrusted } from '../../../src/trust/verify.ts';
import { DAY_MS, goodFleet, honestNode, NAMESPACE, NOW_MS, signAsNode, World, without } from '../world.ts';
import { check, expectRefused, namesOf, published, recover } from './verdicts.ts';

describe('a node that is lost', () => {
  /** What stands in place of the third node's signature. */
  const third = (sign: (fleet: EntryFleet, node: EntryNode) => Uint8Array | undefined) => ({
    nodes: (...[node, fleet, entry]: Parameters<typeof honestNode>) =>
      node.name === 'node-3' ? sign(fleet, node) : honestNode(node, fleet, entry),
  });
  /** What it signed under this entry. */
  const kept = (under: FleetEntry) => third((fleet, node) => signAsNode(node, nodeStatement(under, fleet, node)));

  test('is stated as absent, and vouched for by what it signed before: accepted, and told', async () => {
    const world = await published();
    const first = world.leaves[0]!.entry;
    await world.publish({ fleets: [without(goodFleet(), first.digest, 2)] });
    // And again, by a node that signed the first entry last.
    await world.publish({ fleets: [without(goodFleet(), first.digest, 2)] });
    const { line } = await world.bundle();
    for (const purpose of [{}, recover(world)]) {
      const verdict = check(world, line, purpose);
      expect(verdict.trusted).toBe(true);
      expect(namesOf(verdict, 'warning')).toEqual(['nodes']);
      expect(verdict.checks.find(({ name }) => name === 'nodes')?.words).toMatch(/^2 of the 3 nodes .*node-3\.$/);
    }
  });

  test('does not vouch for a sealing key that somebody exchanged, its own or another’s', async () => {
    const world = await published();
    const first = world.leaves[0]!.entry;
    for (const exchanged of [1, 2]) {
      const honest = goodFleet();
      const thief = goodFleet(3, 101).nodes[0]!.sealingKey;
      const nodes = honest.nodes.map((node, i) => (i === exchanged ? { ...node, sealingKey: thief } : node));
      const keys = nodes.map((one) => ({ identityKey: fromBase64url(one.identityKey), sealingKey: fromBase64url(one.sealingKey) }));
      const fleet = { ...honest, id: makeFleet(NAMESPACE, honest.quorum, honest.threshold, keys).id, nodes };
      // Two nodes that the thief holds sign; of the third he has what it signed for the fleet as it was.
      const attacked = new World();
      const old = first.fleets[0]!;
      await attacked.publish(
        { fleets: [without(fleet, first.digest, 2)] },
        third((_, node) => signAsNode(node, nodeStatement(first, old, old.nodes[2]!))),
      );
      const { line } = await attacked.bundle();
      expectRefused(check(attacked, line), 'nodes');
      expectRefused(check(attacked, line, recover(attacked)), 'nodes');
    }
  });

  test('is not vouched for by another’s signature, by one for another entry, or by none', async () => {
    const world = await published();
    const first = world.leaves[0]!.entry;
    const other = world.entry({ validUntil: isoTime(NOW_MS + 150 * DAY_MS) });
    const fleets = [without(goodFleet(), first.digest, 2)];
    const signers = [
      kept(other),
      third((fleet) => signAsNode(fleet.nodes[0]!, nodeStatement(first, fleet, fleet.nodes[0]!))),
      third(() => undefined),
    ];
    for (const signer of signers) {
      const attacked = await published();
      await attacked.publish({ fleets }, signer);
      expectRefused(check(attacked, (await attacked.bundle()).line), 'nodes');
    }
  });

  test('that is not stated as absent is missed, whatever it signed before', async () => {
    const world = await published();
    await world.publish({}, kept(world.leaves[0]!.entry));
    expectRefused(check(world, (await world.bundle()).line), 'nodes');
  });

  test('leaves a quorum of others, or nothing is registered: old signatures alone revive no fleet', async () => {
    const world = await published();
    const { digest } = world.leaves[0]!.entry;
    await world.publish({ fleets: [without(goodFleet(), digest, 1, 2)] });
    expectRefused(check(world, (await world.bundle()).line), 'nodes');
    expectRefused(check(world, (await world.bundle()).line, recover(world)), 'nodes');
    // It can be left: who recovers names it by its id, which is the hash of its keys.
    const left = await published({ fleets: [goodFleet(), goodFleet(3, 101)] });
    const { digest: before } = left.leaves[0]!.entry;
    await left.publish({ fleets: [{ ...without(goodFleet(), before, 0, 1, 2), state: 'retiring' }, goodFleet(3, 101)] });
    const { line } = await left.bundle();
    expect(requireTrusted(check(left, line)).fleet.fleet.id).toBe(goodFleet(3, 101).id);
    expect(requireTrusted(check(left, line, recover(left))).fleet.state).toBe('retiring');
  });
});
