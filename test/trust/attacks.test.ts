/**
 * What has been done, or could be, to make a client accept fleet keys that it should not: each is performed here on
 * `verifyBundle`, and seen to fail at the check that is there for it. docs/design.md names the schemes' known weaknesses.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64url } from '../../src/base/bytes.ts';
import type { EntryFleet, EntryNode, FleetEntry } from '../../src/fleet/entry.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';
import { cosign } from '../../src/log/cosignature.ts';
import { consistencyProof } from '../../src/log/merkle.ts';
import { formatNote, parseNote } from '../../src/log/note.ts';
import { parseProof } from '../../src/log/proof.ts';
import { fastVerify } from '../../src/node/verify.ts';
import { makeBundle, parseBundle } from '../../src/trust/bundle.ts';
import type { CheckName } from '../../src/trust/check.ts';
import { isoTime } from '../../src/trust/continuity.ts';
import { nodeStatement } from '../../src/trust/signed-entry.ts';
import { requireTrusted, type Verdict, type VerifyOptions, verifyBundle } from '../../src/trust/verify.ts';
import { cosignatureKey, noteKey } from '../log/keys.ts';
import { DAY_MS, goodFleet, honestNode, NAMESPACE, NOW_MS, rootKey, signAsNode, World, without } from './world.ts';

const long = process.env['HOLDFAST_LONG'] === '1';
const fast = fastVerify();

const check = (world: World, line: string, overrides: Partial<VerifyOptions> = {}): Verdict =>
  verifyBundle(line, world.options({ verify: fast, ...overrides }));

const namesOf = (verdict: Verdict, result: string): CheckName[] =>
  verdict.checks.filter((one) => one.result === result).map(({ name }) => name);

/** Refused for exactly this, said so by name, and nothing of it can be used. */
function expectRefused(verdict: Verdict, ...names: CheckName[]): void {
  expect(namesOf(verdict, 'failed')).toEqual(names);
  expect(verdict).toMatchObject({ trusted: false });
  for (const key of ['bundle', 'entry', 'fleet', 'roots', 'seenAfter']) expect(verdict).not.toHaveProperty(key);
  const error = { code: 'untrusted-bundle', message: expect.stringContaining(`(${names[0]})`), evidence: { check: names[0] } };
  expect(() => requireTrusted(verdict)).toThrow(expect.objectContaining({ ...error, evidence: expect.objectContaining(error.evidence) }));
}

async function published(overrides: Parameters<World['publish']>[0] = {}, signers: Parameters<World['publish']>[1] = {}): Promise<World> {
  const world = new World();
  await world.publish(overrides, signers);
  return world;
}

const recover = (world: World, at = 0) => ({ purpose: { kind: 'recover' as const, fleet: world.leaves[at]!.entry.fleets[0]!.fleet.id } });

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

describe('the log', () => {
  test.each([
    ['the witness', 'witness', (world: World) => [world.operator, world.thirdParties[0]!]],
    ['the operator', 'operator', (world: World) => [world.witness, world.thirdParties[0]!]],
    ['a third party', 'third-parties', (world: World) => [world.witness, world.operator]],
    [
      'a second one of its name with a key of its own',
      'witness',
      (world: World) => [cosignatureKey('witness.example', 'second'), world.operator, world.thirdParties[0]!],
    ],
    [
      'a third party that the roots do not name',
      'third-parties',
      (world: World) => [world.witness, world.operator, cosignatureKey('anyone.example')],
    ],
  ] as const)('not cosigned by %s is refused, by recoveries too', async (_, name, cosigners) => {
    const world = await published();
    const { line } = await world.bundle({ cosigners: cosigners(world) });
    expect(namesOf(check(world, line), 'failed')).toEqual([name]);
    expectRefused(check(world, line), name);
    expectRefused(check(world, line, recover(world)), name);
  });

  test('with one third party twice where two are asked for is refused', async () => {
    const world = await published();
    const [third, fourth] = world.thirdParties;
    const policy = { thirdParties: 2, allowSimulated: false };
    const line = async (...others: (typeof world.thirdParties)[number][]) =>
      (await world.bundle({ cosigners: [world.witness, world.operator, ...others] })).line;
    expectRefused(check(world, await line(third!, third!), { policy }), 'third-parties');
    expect(check(world, await line(third!, fourth!), { policy }).trusted).toBe(true);
    const none = { thirdParties: 0, allowSimulated: false };
    expect(check(world, await line(), { policy: none }).trusted).toBe(true);
  });

  test('with a witness key replaced without a rotation of the roots is refused, and with one is followed', async () => {
    const world = await published();
    const second = cosignatureKey('witness.example', 'second');
    const cosigners = [second, world.operator, world.thirdParties[0]!];
    expectRefused(check(world, (await world.bundle({ cosigners })).line), 'witness');
    world.rotate({ witness: second.vkey.text });
    expect(check(world, (await world.bundle({ cosigners })).line).trusted).toBe(true);
    expectRefused(check(world, (await world.bundle()).line), 'witness');
  });

  test("with another's signature under the witness's name and key id is refused: ids of 32 bits only point", async () => {
    const world = await published();
    const bundle = await world.bundle();
    const note = parseNote(parseProof(bundle.proof).checkpoint);
    const imposter = cosignatureKey('witness.example', 'imposter');
    const forged = await cosign(note.text, imposter.vkey, NOW_MS / 1000, imposter.sign);
    const signatures = note.signatures.map((line) =>
      line.name === 'witness.example' ? { ...forged, keyId: world.witness.vkey.keyId } : line,
    );
    const proof = bundle.proof.replace(formatNote(note), formatNote({ ...note, signatures }));
    expectRefused(check(world, makeBundle({ ...bundle, proof }).line), 'witness');
  });

  test('signed by another log’s key, or of another origin, is refused', async () => {
    const world = await published();
    expectRefused(check(world, (await world.bundle({ log: noteKey('log.witness.example/holdfast', 'imposter') })).line), 'inclusion');
    expectRefused(check(world, (await world.bundle({ origin: 'log.example/elsewhere' })).line), 'inclusion');
  });

  test('whose cosignatures are old is refused: a proof must not last for ever; a recovery is warned', async () => {
    const world = await published();
    const { line } = await world.bundle({ cosignedAtMs: NOW_MS });
    expect(check(world, line, { nowMs: NOW_MS + 14 * DAY_MS }).trusted).toBe(true);
    expectRefused(check(world, line, { nowMs: NOW_MS + 14 * DAY_MS + 1 }), 'freshness');
    const verdict = check(world, line, { nowMs: NOW_MS + 15 * DAY_MS, ...recover(world) });
    expect(namesOf(verdict, 'warning')).toEqual(['freshness']);
    expect(requireTrusted(verdict).fleet.fleet.id).toBe(world.leaves[0]!.entry.fleets[0]!.fleet.id);
  });

  test('with cosignatures from the future is refused', async () => {
    const world = await published();
    const at = (ms: number) => world.bundle({ cosignedAtMs: NOW_MS + ms });
    expect(check(world, (await at(60 * 60 * 1000)).line).trusted).toBe(true);
    expectRefused(check(world, (await at(60 * 60 * 1000 + 1000)).line), 'freshness');
  });

  test('with a fresh proof of an entry that a newer one has replaced is refused', async () => {
    const world = await published();
    await world.publish();
    const { line } = await world.bundle({ index: 0 });
    expectRefused(check(world, line), 'freshness');
    expect(namesOf(check(world, line, recover(world)), 'warning')).toEqual(['freshness']);
  });
});

describe('what was seen before', () => {
  async function twice(): Promise<{ world: World; first: string; second: string }> {
    const world = await published();
    const first = (await world.bundle()).line;
    await world.publish();
    return { world, first, second: (await world.bundle()).line };
  }

  test('is never gone back behind: an old bundle, a log rolled back', async () => {
    const { world, first, second } = await twice();
    const seen = requireTrusted(check(world, second)).seenAfter;
    expect(check(world, second, { seen }).trusted).toBe(true);
    expectRefused(check(world, first, { seen }), 'sequence', 'log-forward');
    const verdict = check(world, first, { seen, ...recover(world) });
    expect(namesOf(verdict, 'warning')).toEqual(['sequence', 'log-forward']);
    // Or the warning would be the last one.
    expect(requireTrusted(verdict).seenAfter).toEqual(seen);
  });

  test('a log rolled back under a newer entry is found', async () => {
    const { world, second } = await twice();
    const seen = requireTrusted(check(world, second)).seenAfter;
    const forked = await published();
    await forked.publish({ sequence: 3, previous: seen.digest });
    expect(namesOf(check(world, (await forked.bundle()).line, { seen }), 'failed')).toEqual(['log-forward']);
    const verdict = check(world, (await forked.bundle()).line, { seen: { ...seen, size: 3 } });
    expectRefused(verdict, 'log-forward');
    expect(verdict.checks.find(({ name }) => name === 'log-forward')?.words).toContain('rolled back');
  });

  test('two entries of one sequence, and an entry that does not name the one before, are found', async () => {
    const { world, first, second } = await twice();
    const seen = requireTrusted(check(world, first)).seenAfter;
    expect(check(world, second, { seen }).trusted).toBe(true);
    const fork = await published({ validUntil: isoTime(NOW_MS + 300 * DAY_MS) });
    expect(namesOf(check(world, (await fork.bundle()).line, { seen }), 'failed')).toEqual(['sequence', 'log-forward']);
    await fork.publish();
    expectRefused(check(world, (await fork.bundle()).line, { seen }), 'sequence');
  });

  test('a larger tree that does not contain the one seen is found where a consistency proof is asked for', async () => {
    const { world, first, second } = await twice();
    const seen = requireTrusted(check(world, first)).seenAfter;
    const consistency = await consistencyProof(1, 2, world.tree.read);
    expect(check(world, second, { seen, consistency }).trusted).toBe(true);
    expectRefused(check(world, second, { seen, consistency: [] }), 'log-forward');
  });

  test('another log that the roots name starts anew', async () => {
    const world = await published();
    const { seenAfter: seen } = requireTrusted(check(world, (await world.bundle()).line));
    const moved = noteKey('log.witness.example/second');
    world.rotate({ log: moved.vkey.text });
    const { line } = await world.bundle({ log: moved, origin: moved.vkey.name });
    expect(requireTrusted(check(world, line, { seen: { ...seen, size: 99 } })).seenAfter).toMatchObject({
      origin: moved.vkey.name,
      size: 1,
    });
  });
});

describe('the roots', () => {
  test.each(['operator', 'witness'] as const)('rotated by the %s alone are refused', async (side) => {
    const world = await published();
    const keys = side === 'operator' ? world.operatorRoots : world.witnessRoots;
    const others = side === 'operator' ? 'witnessRootKeys' : 'operatorRootKeys';
    const own = [rootKey(`${side} 3`), rootKey(`${side} 4`)];
    // Its own new keys on both sides: signed by all that it has, the new root's threshold is met and the old one's is not.
    const root = world.makeRoot({ version: 2, [others]: own.map((one) => one.publicKey) }, [...keys, ...own]);
    expectRefused(check(world, (await world.bundle({ roots: [root] })).line), 'roots');
    expectRefused(check(world, (await world.bundle({ roots: [root] })).line, recover(world)), 'roots');
  });

  test('of many versions later are followed by a client with the first', async () => {
    const world = await published();
    for (let i = 0; i < 4; i += 1) world.rotate({ expires: `203${i}-01-01T00:00:00Z` });
    const { line } = await world.bundle();
    expect(requireTrusted(check(world, line)).roots.version).toBe(5);
    expect(requireTrusted(check(world, line, { roots: world.roots[2]! })).roots.version).toBe(5);
    expectRefused(check(world, (await world.bundle({ roots: world.roots.slice(2) })).line), 'roots');
  });

  test('do not go back: a bundle that leaves out a rotation counts under the newer ones', async () => {
    const world = await published();
    const stolen = (await world.bundle()).line;
    const second = cosignatureKey('witness.example', 'second');
    world.rotate({ witness: second.vkey.text });
    const cosigners = [second, world.operator, world.thirdParties[0]!];
    const seen = requireTrusted(check(world, (await world.bundle({ cosigners })).line)).seenAfter;
    expect(check(world, stolen).trusted).toBe(true);
    expectRefused(check(world, stolen, { seen }), 'witness');
  });

  test('that have expired are refused; a recovery is warned', async () => {
    const world = await published({ validUntil: isoTime(NOW_MS + 900 * DAY_MS) });
    const nowMs = Date.UTC(2028, 0, 1);
    const { line } = await world.bundle({ cosignedAtMs: nowMs - DAY_MS });
    expect(check(world, line, { nowMs: nowMs - 1 }).trusted).toBe(true);
    expectRefused(check(world, line, { nowMs }), 'roots');
    expect(namesOf(check(world, line, { nowMs, ...recover(world) }), 'warning')).toEqual(['roots']);
    world.rotate({ expires: '2030-01-01T00:00:00Z' });
    expect(check(world, (await world.bundle({ cosignedAtMs: nowMs - DAY_MS })).line, { nowMs }).trusted).toBe(true);
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

describe('the bundle', () => {
  test.each([
    ['is not JSON', (line: string) => `${line.slice(0, -1)}`],
    ['has white space', (line: string) => line.replace('{', '{ ')],
    ['has a member twice', (line: string) => line.replace('"roots":', '"roots":[],"roots":')],
    [
      'has its members in another order',
      (line: string) => line.replace(/"type":"holdfast\/bundle\/v1",(.*)\}$/, '$1,"type":"holdfast/bundle/v1"}'),
    ],
    ['spells a letter otherwise', (line: string) => line.replace('"proof":"c', '"proof":"\\u0063')],
    ['has an unknown member', (line: string) => line.replace('{', '{"extra":1,')],
    ['is of another version', (line: string) => line.replace('bundle/v1', 'bundle/v2')],
    ['goes on after its line', (line: string) => `${line}\n\n`],
  ])('that %s is refused', async (_, bend) => {
    const world = await published();
    const { line } = await world.bundle();
    expect(bend(line)).not.toBe(line);
    expectRefused(check(world, bend(line)), 'bundle-form');
  });

  test('is named by its digest, with or without its line feed', async () => {
    const bundle = await (await published()).bundle();
    expect(parseBundle(`${bundle.line}\n`)).toEqual(bundle);
  });

  // Everyone who has to sign did, and nobody else: so there is no byte that may be another.
  test('with any one byte changed, added or lost is never trusted', async () => {
    const world = await published();
    world.rotate({ expires: '2029-01-01T00:00:00Z' });
    const { line } = await world.bundle();
    expect(check(world, line).trusted).toBe(true);
    const alteration = fc.tuple(fc.nat(line.length - 1), fc.constantFrom('change', 'add', 'lose'), fc.integer({ min: 0x20, max: 0x7e }));
    fc.assert(
      fc.property(alteration, ([at, how, code]) => {
        const altered = line.slice(0, at) + (how === 'lose' ? '' : String.fromCharCode(code)) + line.slice(how === 'add' ? at : at + 1);
        fc.pre(altered !== line);
        const verdict = check(world, altered);
        expect(verdict.trusted).toBe(false);
        expect(namesOf(verdict, 'failed')).not.toEqual([]);
      }),
      { numRuns: long ? 20_000 : 150 },
    );
  });
});
