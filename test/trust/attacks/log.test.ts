/**
 * What has been done, or could be, to make a client accept fleet keys that it should not: each is performed here on
 * `verifyBundle`, and seen to fail at the check that is there for it. Here: the log, and what was seen of it before.
 */
import { describe, expect, test } from 'vitest';
import { cosign } from '../../../src/log/cosignature.ts';
import { consistencyProof } from '../../../src/log/merkle.ts';
import { formatNote, parseNote } from '../../../src/log/note.ts';
import { parseProof } from '../../../src/log/proof.ts';
import { makeBundle } from '../../../src/trust/bundle.ts';
import { isoTime } from '../../../src/trust/continuity.ts';
import { requireTrusted } from '../../../src/trust/verify.ts';
import { cosignatureKey, noteKey } from '../../log/keys.ts';
import { DAY_MS, NOW_MS, type World } from '../world.ts';
import { check, expectRefused, namesOf, published, recover } from './verdicts.ts';

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
