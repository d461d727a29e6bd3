/** Tells the story of one seed: HOLDFAST_SEED=123, and HOLDFAST_FAULT='votes twice for one number' to plant a fault in it. */
import { expect, test } from 'vitest';
import { planOf } from './plan.ts';
import { PLANTED } from './planted.ts';
import { runSeed } from './run.ts';
import { type Options, Simulation } from './simulation.ts';

const asked = process.env['HOLDFAST_SEED'];
const planted = PLANTED[process.env['HOLDFAST_FAULT'] ?? ''];
const options: Options = { told: true, ...(planted && { machines: planted.machines }) };

function storyOf(seed: number): readonly string[] {
  const simulation = new Simulation(planOf(seed), options);
  try {
    simulation.run();
  } catch {
    // Told up to where it broke; the test below says what broke.
  }
  return simulation.story.lines;
}

test('a seed is one story, line by line', () => {
  const seed = Number(asked ?? 4);
  const story = storyOf(seed);
  if (asked !== undefined) process.stdout.write(`${story.join('\n')}\n`);
  expect(story.length).toBeGreaterThan(20);
  expect(storyOf(seed)).toEqual(story);
  expect(() => runSeed(seed, options)).not.toThrow();
});
