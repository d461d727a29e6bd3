/** What the tests of attacks on `verifyBundle` ask: a world that published something, and a bundle refused at exactly one check. */
import { expect } from 'vitest';
import { fastVerify } from '../../../src/node/verify.ts';
import type { CheckName } from '../../../src/trust/check.ts';
import { requireTrusted, type Verdict, type VerifyOptions, verifyBundle } from '../../../src/trust/verify.ts';
import { World } from '../world.ts';

const fast = fastVerify();

export const check = (world: World, line: string, overrides: Partial<VerifyOptions> = {}): Verdict =>
  verifyBundle(line, world.options({ verify: fast, ...overrides }));

export const namesOf = (verdict: Verdict, result: string): CheckName[] =>
  verdict.checks.filter((one) => one.result === result).map(({ name }) => name);

/** Refused for exactly this, said so by name, and nothing of it can be used. */
export function expectRefused(verdict: Verdict, ...names: CheckName[]): void {
  expect(namesOf(verdict, 'failed')).toEqual(names);
  expect(verdict).toMatchObject({ trusted: false });
  for (const key of ['bundle', 'entry', 'fleet', 'roots', 'seenAfter']) expect(verdict).not.toHaveProperty(key);
  const error = { code: 'untrusted-bundle', message: expect.stringContaining(`(${names[0]})`), evidence: { check: names[0] } };
  expect(() => requireTrusted(verdict)).toThrow(expect.objectContaining({ ...error, evidence: expect.objectContaining(error.evidence) }));
}

export async function published(
  overrides: Parameters<World['publish']>[0] = {},
  signers: Parameters<World['publish']>[1] = {},
): Promise<World> {
  const world = new World();
  await world.publish(overrides, signers);
  return world;
}

export const recover = (world: World, at = 0) => ({
  purpose: { kind: 'recover' as const, fleet: world.leaves[at]!.entry.fleets[0]!.fleet.id },
});
