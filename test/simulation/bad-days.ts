/**
 * What an operator of nodes on hosts lives through: power cuts of the whole fleet, in which tokens that do not sync lose the
 * record of their last start; restarts one after the other; nodes that never come back.
 */
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';

export function scheduleBadDays(simulation: Simulation): void {
  const { world, plan, nodes } = simulation;
  for (const position of plan.lost) {
    world.after(world.chance.between(3_000, plan.lengthMs), () => lose(simulation, nodes[position] as Node));
  }
  const again = () => {
    world.after(world.chance.between(2_000, 15_000), () => {
      if (simulation.quiet) return;
      if (world.chance.happens(0.4)) cutPower(simulation);
      else restartAll(simulation);
      again();
    });
  };
  again();
}

function lose(simulation: Simulation, node: Node): void {
  if (simulation.quiet) return;
  simulation.story.count('node lost for good');
  simulation.story.tell(node.name, () => 'is lost for good');
  simulation.lost.add(node);
  node.kill();
}

function cutPower(simulation: Simulation): void {
  const { world, story, nodes } = simulation;
  story.count('power cut');
  story.tell('world', () => 'the power goes');
  for (const node of nodes) if (node.alive) simulation.killed(node, world.chance.happens(0.7));
}

/** In any order, each as soon as the one before is up again, or sooner. */
function restartAll(simulation: Simulation): void {
  const { world, story, nodes } = simulation;
  story.count('rolling restart');
  for (const [i, node] of world.chance.shuffled(nodes).entries()) {
    world.after(i * world.chance.between(50, 4_000) + 1, () => node.alive && !simulation.quiet && simulation.killed(node));
  }
}
