/**
 * After the last fault everything heals, and then what must work works: the owner gets the secret back, unless the guesses
 * were really used up, or it was deleted, or replaced in the open; and the members agree.
 */
import type { Id } from '../../src/base/bytes.ts';
import { toHex } from '../../src/base/bytes.ts';
import { deposit } from '../../src/quorum/client/deposit.ts';
import type { ClientMachine } from '../../src/quorum/client/effects.ts';
import { pushActivation, pushConfirmation } from '../../src/quorum/client/push.ts';
import { type Recovered, recover } from '../../src/quorum/client/recover.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { LawBroken } from './checks.ts';
import type { Deal } from './cryptography.ts';
import type { Device, Outcome } from './device.ts';
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';
import { catchUp } from './tasks.ts';

const TRIES = 6;
/** More than the longest delay has seconds: it must be over by then. */
const WAITS_MAX = 12;

/** @throws LawBroken */
export function judge(simulation: Simulation): void {
  const { owner, story } = simulation;
  // Whatever was still on its way arrives, and the nodes' own tasks take their turns.
  wait(simulation, 260_000);
  for (const device of owner.devices) {
    finish(simulation, device, push(device), '');
    if (device.memo.deposit?.votes !== undefined) finish(simulation, device, deposit(device.client), '');
  }
  converge(simulation);
  allVoteAgain(simulation);
  const standing = inForce(simulation);
  if (isSplit(simulation)) return story.count('ending: split by compromised nodes');
  story.tell('world', () => `what stands: ${standing === undefined ? 'nothing' : standing.name}`);
  acknowledgedStands(simulation, standing);
  if (standing !== undefined) recoverable(simulation, standing);
  converge(simulation);
  agree(simulation);
}

function wait(simulation: Simulation, ms: number): void {
  simulation.world.run(simulation.world.now + ms);
}

function finish<T>(simulation: Simulation, device: Device, machine: ClientMachine<T>, passcode: string): Outcome<T> {
  let outcome: Outcome<T> | undefined;
  device.run(machine, { passcode, tombstone: false, authorised: false }, (ended) => {
    outcome = ended;
  });
  for (let i = 0; i < 400 && outcome === undefined; i += 1) wait(simulation, 1000);
  if (outcome === undefined) throw new LawBroken('liveness', `${device.name} is still waiting`);
  const ended = outcome;
  simulation.story.tell(
    device.name,
    () =>
      `at the end: ${'failed' in ended ? String(ended.failed) : String(JSON.stringify(ended.result, (_, v) => (v instanceof Object && 'bytes' in v ? '...' : typeof v === 'bigint' ? String(v) : v))).slice(0, 200)}`,
  );
  return ended;
}

function* push(device: Device): ClientMachine<void> {
  yield* pushConfirmation(device.client);
  yield* pushActivation(device.client);
}

function honest(simulation: Simulation): Node[] {
  return simulation.nodes.filter((node) => !simulation.isCompromised(node) && !simulation.lost.has(node));
}

/** Everyone reads everyone's feed, a few times over. */
function converge(simulation: Simulation): void {
  for (let round = 0; round < 2; round += 1) {
    for (const node of honest(simulation)) for (const from of honest(simulation)) catchUp(simulation, node, from);
    wait(simulation, 1000);
  }
}

/** After any order of restarts and power cuts, and with dead nodes, without a person. */
function allVoteAgain(simulation: Simulation): void {
  if (simulation.plan.profile !== 'bad days') return;
  for (const { standing, name } of honest(simulation)) {
    if (standing !== 'full')
      throw new LawBroken('liveness', `${name} does not vote again: ${standing === 'none' ? 'starting' : 'quarantined'}`);
  }
  simulation.story.count('ending: all vote again');
}

function inForce(simulation: Simulation): Deal | undefined {
  const digests = honest(simulation).map((node) => digestAt(simulation, node));
  const latest = honest(simulation).reduce((best, node) => Math.max(best, node.view(simulation.slot).counters.active), 0);
  const at = honest(simulation).findIndex((node) => node.view(simulation.slot).counters.active === latest);
  const digest = digests[at];
  return latest === 0 || digest === undefined ? undefined : simulation.vault.dealOf(digest);
}

/** Of what is in force there, where the disk has kept up with the token. */
function digestAt(simulation: Simulation, node: Node): Id | undefined {
  const { counters, record } = node.view(simulation.slot);
  const activation = record?.standing && decodeMessage('unlock/activate', record.standing.activation.bytes);
  return activation?.generation === counters.active ? activation.digest : undefined;
}

/**
 * Compromised nodes that vote twice can certify two registrations under one generation, when two devices deal them at once:
 * they deny service until the next generation, and no more.
 */
function isSplit(simulation: Simulation): boolean {
  const { fleet, plan } = simulation;
  if (plan.compromised.length < 2 * fleet.quorum - fleet.nodes.length) return false;
  const standing = honest(simulation).map((node) => `${node.view(simulation.slot).counters.active} ${digestAt(simulation, node)}`);
  return new Set(standing).size > new Set(standing.map((one) => one.split(' ')[0])).size;
}

/** Law 2: of what was acknowledged nothing is lost; only something later can stand in its place. */
function acknowledgedStands({ owner, vault, plan }: Simulation, standing: Deal | undefined): void {
  // Whoever puts stores back everywhere, or commands members, can make what was acknowledged go.
  if (plan.restores || plan.compromised.length > 0) return;
  for (const digest of owner.acknowledged) {
    const deal = vault.dealOf(digest) as Deal;
    if (standing === undefined || standing.registration.generation < deal.registration.generation) {
      throw new LawBroken('law 2', `${deal.name} was acknowledged, and ${standing?.name ?? 'nothing'} stands`);
    }
  }
}

function recoverable(simulation: Simulation, standing: Deal): void {
  const device = simulation.owner.devices[0] as Device;
  const told: string[] = [];
  for (let tries = 0, waits = 0; tries < TRIES; tries += 1) {
    const outcome = finish(simulation, device, recover(device.client), standing.passcode);
    if ('failed' in outcome) {
      told.push(String(outcome.failed));
      continue;
    }
    const { result } = outcome;
    told.push(result.kind);
    if ((result.kind === 'waiting' || result.kind === 'last-guess') && waits < WAITS_MAX) {
      // Liars may say that it is less.
      wait(simulation, Math.max(result.waitMs, 1000));
      waits += 1;
      tries -= 1;
      continue;
    }
    if (isRight(simulation, standing, result)) return;
    // Too few members have waited the delay after a split vote: a person tries again later.
    if (result.kind === 'unfinished') wait(simulation, 4000);
  }
  if (tooFewVoters(simulation, standing)) return simulation.story.count('ending: too few members vote on it any more');
  throw new LawBroken('liveness', `the right passcode of ${standing.name} gave: ${told.join(', ')}`);
}

/** A member in quarantine, and some that stated a lock before they heard of a success: together they can be too many. */
function tooFewVoters(simulation: Simulation, { registration }: Deal): boolean {
  const { plan, fleet, nodes } = simulation;
  if (plan.victim === undefined) return false;
  const voters = nodes.filter((node) => node.standing === 'full' && !node.view(registration.slot).counters.locked);
  return voters.length < fleet.quorum;
}

/** One that stated a lock before it heard of a success is unlocked by those who have acknowledged it. */
function nobodyIsLockedAlone({ plan, fleet }: Simulation, locked: number, unlocked: number): void {
  if (plan.victim !== undefined || plan.compromised.length > 0) return;
  if (locked > 0 && unlocked >= fleet.quorum) throw new LawBroken('convergence', `${locked} members are locked, and ${unlocked} are not`);
}

function isRight(simulation: Simulation, standing: Deal, result: Recovered): boolean {
  if (standing.tombstone) return result.kind === 'nothing';
  if (result.kind === 'opened') {
    if (toHex(result.opened.secret) !== toHex(standing.secret)) throw new LawBroken('law 2', 'another secret came out');
    simulation.story.count(`ending: ${standing.by} recovers`);
    return true;
  }
  // Liars can keep a quorum from stating the lock with equal counters: then the guesses are used up, and nothing is erased.
  const settled = result.kind === 'last-guess' && (simulation.plan.compromised.length === 0 || result.waitMs > 0);
  if ((result.kind !== 'locked' && result.kind !== 'last-guess') || settled) return false;
  usedUp(simulation, standing);
  simulation.story.count(`ending: ${result.kind}`);
  return true;
}

/** Locked is right only if that many numbers were asked for; nobody may lie them away. A stranger with the login may ask. */
function usedUp({ attemptsAsked, plan, checks }: Simulation, { registration, name }: Deal): void {
  if ('burn' in plan.activity.adversary) return;
  const asked = [...(attemptsAsked.get(registration.digest) ?? [])];
  const last = checks.lastAcknowledgedOf(registration.digest);
  const used = asked.filter((attempt) => attempt > last).length;
  if (used < registration.core.policy.guesses) {
    throw new LawBroken('liveness', `${name} is locked after ${used} guesses since the last success that was acknowledged, number ${last}`);
  }
}

function agree(simulation: Simulation): void {
  const all = honest(simulation).map((node) => ({
    ...node.view(simulation.slot).counters,
    digest: digestAt(simulation, node)?.slice(0, 8),
  }));
  // One that was put back to before a generation that only it had heard of waits for the next one.
  const views = all.filter((view) => view.digest !== undefined);
  const unlocked = views.filter((view) => !view.locked);
  const cleared = new Set(unlocked.map((view) => view.cleared));
  const standing = new Set(views.map((view) => `${view.active} ${view.digest}`));
  nobodyIsLockedAlone(simulation, views.length - unlocked.length, unlocked.length);
  if (standing.size > 1 || cleared.size > 1) {
    throw new LawBroken(
      'convergence',
      views.map((view) => `${view.active} ${view.digest} ${view.locked ? 'locked' : view.cleared}`).join(' | '),
    );
  }
}
