/** A simulator that finds no planted fault would find no other: each is found, by the law that it breaks, within few seeds. */
import { expect, test } from 'vitest';
import { LawBroken } from './checks.ts';
import { planOf } from './plan.ts';
import { PLANTED, type Planted } from './planted.ts';
import { Simulation } from './simulation.ts';

const SEEDS_MAX = 200;

/** @returns the law that found it, and after how many seeds of its profiles */
function find({ profiles, machines }: Planted): { law: string; seeds: number } | undefined {
  let seeds = 0;
  for (let seed = 0; seeds < SEEDS_MAX; seed += 1) {
    const plan = planOf(seed);
    if (!profiles.includes(plan.profile)) continue;
    seeds += 1;
    try {
      new Simulation(plan, { machines }).run();
    } catch (error) {
      if (!(error instanceof LawBroken)) throw error;
      return { law: error.law, seeds };
    }
  }
  return undefined;
}

test.each(Object.entries(PLANTED))('a member or client that %s is found', (_, planted) => {
  const found = find(planted);
  expect(planted.breaks).toContain(found?.law);
});
