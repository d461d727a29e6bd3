/** Runs many seeds, and says what they met. */
import { LawBroken } from './checks.ts';
import { PARTS, planOf } from './plan.ts';
import { type Options, Simulation } from './simulation.ts';

/** HOLDFAST_SEEDS says how many in all; else 1,000, or 20,000 in a long run. */
export const SEEDS = Number(process.env['HOLDFAST_SEEDS'] ?? (process.env['HOLDFAST_LONG'] === '1' ? 20_000 : 1_000));

/** @throws with the command that tells this seed's story */
export function runSeed(seed: number, options: Options = {}): Simulation {
  const simulation = new Simulation(planOf(seed), options);
  try {
    simulation.run();
  } catch (error) {
    const { profile, size, quorum } = simulation.plan;
    const law = error instanceof LawBroken ? error.message : `${error}`;
    const replay = `HOLDFAST_SEED=${seed} npx vitest run test/simulation/replay.test.ts`;
    throw new Error(`${law}\n  seed ${seed}: ${profile}, ${size} nodes, quorum ${quorum}\n  replay: ${replay}`, { cause: error });
  }
  return simulation;
}

/** Every seed of one part. @returns how often each thing happened */
export function runPart(part: number): ReadonlyMap<string, number> {
  const tally = new Map<string, number>();
  for (let seed = part; seed < SEEDS; seed += PARTS) {
    for (const [what, times] of runSeed(seed).story.tally) tally.set(what, (tally.get(what) ?? 0) + times);
  }
  return tally;
}

export function spell(tally: ReadonlyMap<string, number>): string {
  return [...tally]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, times]) => `${what} ${times}`)
    .join(', ');
}
