/** What a node does without being asked: rejoin after a start, catch up from the others, lock what is used up, erase it. */
import type { Id } from '../../src/base/bytes.ts';
import { isRefusal, type Reply } from '../../src/quorum/ask.ts';
import { answersToRejoin } from '../../src/quorum/coordinator/rejoin.ts';
import { exhausted } from '../../src/quorum/counters.ts';
import { parseRegistration } from '../../src/vault/registration.ts';
import { type Place, slotId } from '../../src/vault/slot.ts';
import { encodeMessage } from '../../src/wire/message.ts';
import { converse, patience } from './gateway.ts';
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';

const NO_MEASUREMENT = '0'.repeat(64) as Id;

/** Starts the tasks of a node's present life. */
export function startTasks(simulation: Simulation, node: Node): void {
  askToRejoin(simulation, node);
  repeat(simulation, node, 4000, () => catchUp(simulation, node, simulation.world.chance.pick(simulation.nodes)));
  repeat(simulation, node, 9000, () => lookForLocks(simulation, node));
}

function repeat(simulation: Simulation, node: Node, aboutMs: number, task: () => void): void {
  const { world } = simulation;
  const { life } = node;
  const again = () => {
    if (node.life !== life) return;
    task();
    // It may have died of it.
    if (node.life === life) world.after(world.chance.between(aboutMs / 2, 2 * aboutMs), again);
  };
  world.after(world.chance.between(1, aboutMs), again);
}

function askToRejoin(simulation: Simulation, node: Node): void {
  const { fleet, world, story } = simulation;
  const nonce = world.chance.bytes(32);
  const head = { fleet: fleet.id, signer: node.id, measurement: NO_MEASUREMENT };
  const hello = node.sign(encodeMessage('node/hello', { ...head, nonce, found: node.found, started: node.started }));
  const answers = answersToRejoin(fleet);
  const memory = [...node.disk.memory.values()];
  const asking = { self: node.id, hello, memory, answers, isOwn: (sequence: bigint) => node.isOwn(sequence) };
  converse(simulation, node, node.machines.rejoin(fleet, simulation.keys.verify, asking, patience(simulation)), (verdict) => {
    story.tell(node.name, () => `after its start: ${verdict.kind}`);
    story.count(`member ${verdict.kind}`);
    const { life } = node;
    const again = () => world.after(world.chance.between(500, 5000), () => node.life === life && askToRejoin(simulation, node));
    if (!node.takeIn(verdict.memory)) return;
    if (verdict.newSince.size >= answers) node.merged = true;
    if (verdict.kind === 'rolled-back') {
      node.token.quarantined = true;
      if (verdict.above !== undefined) node.restart(verdict.above);
    }
    if (node.token.quarantined) node.standing = { newSince: verdict.newSince };
    else if (verdict.kind === 'rejoined') node.vouch();
    else if (verdict.kind === 'start-lost') {
      node.restart(verdict.above);
      again();
    }
    if (verdict.kind === 'undecided') again();
  });
}

export function catchUp(simulation: Simulation, node: Node, from: Node): void {
  if (from === node) return;
  const after = node.disk.read.get(from.id) ?? 0;
  simulation.network.send(node, from, { kind: 'changes', after }, (page) => {
    if (page === undefined) return;
    // The other's store is older than what was read of it: start over.
    if (page.head < after) node.disk.read.set(from.id, 0);
    else if (page.proofs.every((proof) => node.learn(proof) || node.alive)) node.disk.read.set(from.id, page.head);
  });
}

function lookForLocks(simulation: Simulation, node: Node): void {
  for (const [slot, record] of node.disk.records) {
    if (!node.alive) return;
    if (record.standing !== undefined && !record.erased && node.erase(record.place)) simulation.story.count('shares erased');
    else if (record.lock === undefined && isUsedUp(simulation, node, slot)) lock(simulation, node, record.place);
  }
}

function isUsedUp({ fleet }: Simulation, node: Node, slot: Id): boolean {
  const { counters, record } = node.view(slot);
  if (record?.standing === undefined || counters.active === 0 || !node.mayLock(slot)) return false;
  const { core, generation } = parseRegistration(record.standing.registration, fleet);
  return !core.tombstone && generation === counters.active && exhausted(counters, core.policy.guesses);
}

function lock(simulation: Simulation, node: Node, place: Place): void {
  const { fleet, keys } = simulation;
  const talk = node.machines.coordinateLock(fleet, keys.verify, place, { ...patience(simulation), limitMs: 4000 });
  converse(simulation, node, talk, (certificate) => {
    if (certificate !== undefined) node.learn({ lock: certificate });
  });
}

/** A member asked for a lock statement hears the others' confirmations first: its statement ends its acceptance of them. */
export function stateLock(simulation: Simulation, node: Node, place: Place, answer: (reply: Reply | undefined) => void): void {
  const state = (heard: number) => {
    const said = node.ask({ op: 'lock', place }, heard);
    if (said !== undefined) answer(said);
    if (said !== undefined && !isRefusal(said)) simulation.story.count('lock stated');
  };
  if (!node.machines.asksBeforeLock) return state(simulation.nodes.length);
  learnFromOthers(simulation, node, slotId(place), simulation.world.now + 1000, state);
}

/** Takes all others' proofs of a slot and learns them. @param done how many answered in time */
export function learnFromOthers(simulation: Simulation, node: Node, slot: Id, untilMs: number, done: (heard: number) => void): void {
  const { nodes, network, world } = simulation;
  const others = nodes.filter((one) => one !== node);
  const { life } = node;
  let heard = 0;
  let over = false;
  const end = () => {
    if (over || node.life !== life) return;
    over = true;
    done(heard);
  };
  for (const other of others) {
    network.send(node, other, { kind: 'proof', slot }, (proof) => {
      if (proof === undefined || over) return;
      node.learn(proof);
      heard += 1;
      if (heard === others.length) end();
    });
  }
  world.after(Math.max(0, untilMs - world.now), end);
}
