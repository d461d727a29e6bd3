/**
 * What has been done, or could be, to make a client accept fleet keys that it should not: each is performed here on
 * `verifyBundle`, and seen to fail at the check that is there for it. Here: the bundle's form, and the roots in it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBundle } from '../../../src/trust/bundle.ts';
import { isoTime } from '../../../src/trust/continuity.ts';
import { requireTrusted } from '../../../src/trust/verify.ts';
import { cosignatureKey } from '../../log/keys.ts';
import { DAY_MS, NOW_MS, rootKey } from '../world.ts';
import { check, expectRefused, namesOf, published, recover } from './verdicts.ts';

const long = process.env['HOLDFAST_LONG'] === '1';

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
