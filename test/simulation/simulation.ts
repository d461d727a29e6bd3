/** One seed from its first event to its verdict: builds the fleet and the people, lets them live, heals all, and looks. */
import type { Id } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { type Fleet, makeFleet } from '../../src/fleet/fleet.ts';
import type { Opened } from '../../src/quorum/client/effects.ts';
import type { Policy } from '../../src/vault/policy.ts';
import type { Registration } from '../../src/vault/registration.ts';
import { accountId, PASSCODE, type Place, slotId } from '../../src/vault/slot.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import { Adversary } from './adversary.ts';
import { scheduleBadDays } from './bad-days.ts';
import { Checks } from './checks.ts';
import { Compromised } from './compromised.ts';
import { type Deal, Keys, Vault } from './cryptography.ts';
import type { Device } from './device.ts';
import { judge } from './ending.ts';
import { Faults } from './faults.ts';
import { serve } from './gateway.ts';
import { Liar } from './liar.ts';
import { type Machines, REAL } from './machines.ts';
import { type AnswerTo, type Letter, type LetterKind, Network } from './network.ts';
import { Node, type Snapshot } from './node.ts';
import { Owner } from './owner.ts';
import type { Activity, Plan } from './plan.ts';
import type { Story } from './story.ts';
import { startTasks, stateLock } from './tasks.ts';
import { START_MS, World } from './world.ts';

const SNAPSHOTS_MAX = 6;
const PAGE_MAX = 50;

export interface Options {
  /** Write the story down. */
  readonly told?: boolean;
  readonly machines?: Machines;
}

export class Simulation {
  readonly plan: Plan;
  readonly machines: Machines;
  readonly world: World;
  readonly story: Story;
  readonly faults: Faults;
  readonly keys = new Keys();
  readonly fleet: Fleet;
  readonly vault: Vault;
  readonly checks: Checks;
  readonly network: Network;
  readonly nodes: readonly Node[];
  readonly place: Place;
  readonly slot: Id;
  readonly owner: Owner;
  readonly deals: Deal[] = [];
  readonly attemptsAsked = new Map<Id, Set<number>>();
  /** Nobody begins anything any more. */
  quiet = false;
  /** Nodes that are dead for good. */
  readonly lost = new Set<Node>();
  readonly #snapshots = new Map<Node, Snapshot[]>();
  readonly #compromised: Compromised;
  readonly #liar: Liar;

  constructor(plan: Plan, { told = false, machines = REAL }: Options) {
    this.plan = plan;
    this.machines = machines;
    this.world = new World(plan.seed, told);
    this.story = this.world.story;
    this.faults = new Faults(this.world, plan.rates);
    const identities = Array.from({ length: plan.size }, (_, i) => this.keys.make(`identity ${i}`));
    const fleetKeys = identities.map(({ publicKey }, i) => ({
      identityKey: publicKey,
      sealingKey: this.keys.make(`sealing ${i}`).publicKey,
    }));
    this.fleet = makeFleet('simulation', plan.quorum, plan.quorum, fleetKeys);
    this.vault = new Vault(this.fleet, this.keys);
    this.network = new Network(this.world, this.faults, (to, letter, answer) => this.#read(to, letter, answer));
    this.nodes = this.fleet.nodes.map((of, i) => new Node(this, of, identities[i] as (typeof identities)[0], i, machines));
    const idsAt = (positions: readonly number[]) => new Set(positions.map((position) => (this.fleet.nodes[position] as { id: Id }).id));
    const trust = { compromised: idsAt(plan.compromised), rolledBack: idsAt(plan.victim === undefined ? [] : [plan.victim]) };
    this.checks = new Checks(this.world, this.fleet, trust, plan.guessDelaysMs, (digest) => this.vault.nameOf(digest));
    this.place = { tenant: 'tenant', account: accountId('simulation', 'issuer', 'owner'), way: PASSCODE };
    this.slot = slotId(this.place);
    this.#compromised = new Compromised(this);
    this.#liar = new Liar(this);
    this.owner = new Owner(this, plan.devices);
  }

  get policy(): Policy {
    return this.plan.policy;
  }

  get activity(): Activity {
    return this.plan.activity;
  }

  /** @throws LawBroken, or whatever a bug throws */
  run(): void {
    const { world, plan } = this;
    const { seed, profile, size, quorum, tokenClass, policy, compromised, lying, victim } = plan;
    this.story.tell('plan', () => JSON.stringify({ seed, profile, size, quorum, tokenClass, policy, compromised, lying, victim }));
    for (const node of this.nodes) this.#start(node);
    this.faults.schedulePartitions(this.nodes.map((node) => node.id));
    this.#scheduleStops();
    if (plan.profile === 'bad days') scheduleBadDays(this);
    world.run(START_MS + 3000);
    this.owner.live();
    if (Object.keys(plan.activity.adversary).length > 0) new Adversary(this).live();
    world.run(START_MS + plan.lengthMs);
    this.quiet = true;
    this.faults.heal();
    this.story.tell('world', () => 'heals');
    for (const node of this.nodes) if (!node.alive && !this.lost.has(node)) this.#start(node);
    judge(this);
  }

  nodeOf(id: Id): Node {
    return this.nodes.find((node) => node.id === id) as Node;
  }

  isCompromised(node: Node): boolean {
    return this.plan.compromised.includes(node.position);
  }

  /** A device signed for this attempt number. */
  asked(digest: Id, attempt: number): void {
    const numbers = this.attemptsAsked.get(digest) ?? new Set();
    this.attemptsAsked.set(digest, numbers.add(attempt));
  }

  dealt(deal: Deal): void {
    this.deals.push(deal);
  }

  /** Votes of compromised tokens for a guess of the adversary's. */
  forge(digest: Id, generation: number, attempt: number, element: Id) {
    return this.#compromised.forge(
      this.nodes.filter((node) => this.isCompromised(node)),
      digest,
      generation,
      attempt,
      element,
    );
  }

  /** Statuses of compromised tokens that have counted whatever the adversary likes. */
  forgeStatuses(digest: Id): readonly (readonly [Id, Signed])[] {
    return this.#compromised.statuses(
      this.nodes.filter((node) => this.isCompromised(node)),
      digest,
    );
  }

  /** The owner cancels what strangers announced at any node. */
  object(device: Device, current: Registration, opened: Opened): void {
    const strange = this.deals.filter((deal) => deal.by !== 'owner' && deal.registration.generation > current.generation);
    for (const { registration, name } of strange.slice(-3)) {
      const { slot, generation, digest } = registration;
      const statement = { fleet: this.fleet.id, slot, generation, digest, bySlot: slot };
      const signer = this.vault.dealOf(current.digest)?.unlock.id as Id;
      const cancel = signMessage('unlock/cancel', { ...statement, signer }, opened.sign);
      this.story.tell(device.name, () => `objects to ${name}`);
      this.story.count('owner objects');
      const cancelled = { by: device.place, cancel };
      for (const to of this.nodes)
        this.network.send(undefined, to, { kind: 'cancel', ask: { op: 'cancel', place: device.place, cancelled } }, () => undefined);
    }
  }

  #start(node: Node): void {
    node.start(this.plan.tokenClass === 'device' ? 'full' : 'none');
    this.story.tell(node.name, () => `starts, epoch ${node.token.sequence >> 32n}`);
    startTasks(this, node);
  }

  /** The adversary stops a node and starts it at once, with an older token and disk if he has them. */
  rollBack(node: Node, snapshot: Snapshot | undefined): void {
    if (this.quiet) return;
    node.kill();
    this.story.count(snapshot === undefined ? 'node stopped' : 'token of class host restored');
    this.story.tell(node.name, () =>
      snapshot === undefined ? 'is stopped' : `is put back to ${snapshot.token.sequence >> 32n}|${snapshot.token.sequence & 0xffffffffn}`,
    );
    if (snapshot !== undefined) {
      node.restoreToken(snapshot);
      node.restoreDisk(snapshot);
    }
    this.#start(node);
  }

  killed(node: Node, startLost = false): void {
    node.kill();
    this.world.after(this.world.chance.between(20, this.world.chance.pick([200, 10_000])), () => {
      if (node.alive || this.lost.has(node)) return;
      if (startLost && node.loseStart()) this.story.count('start lost');
      if (!this.quiet) this.#mayRestore(node);
      this.#start(node);
    });
  }

  #mayRestore(node: Node): void {
    const { chance } = this.world;
    const { plan } = this;
    const old = this.#snapshots.get(node) ?? [];
    if (!plan.restores || old.length === 0 || !chance.happens(0.6)) return;
    const snapshot = chance.happens(0.6) ? (old.at(-1) as Snapshot) : chance.pick(old);
    if (plan.tokenClass === 'device') {
      this.story.count('disk restored');
      this.story.tell(node.name, () => 'finds an older disk');
      node.restoreDisk(snapshot);
    } else if (node.position === plan.victim) {
      this.story.count('token of class host restored');
      this.story.tell(
        node.name,
        () => `finds an older token and disk, at ${snapshot.token.sequence >> 32n}|${snapshot.token.sequence & 0xffffffffn}`,
      );
      node.restoreToken(snapshot);
      node.restoreDisk(snapshot);
    }
  }

  /** Stops, and snapshots to be put back after one of them. */
  #scheduleStops(): void {
    const { world } = this;
    world.after(world.chance.between(500, 4000), () => {
      if (this.quiet) return;
      const { victim } = this.plan;
      const node = victim !== undefined && world.chance.happens(0.7) ? (this.nodes[victim] as Node) : world.chance.pick(this.nodes);
      const kept = this.#snapshots.get(node) ?? [];
      this.#snapshots.set(node, [...kept, node.snapshot()].slice(-SNAPSHOTS_MAX));
      if (node.alive && world.chance.happens(this.plan.profile === 'restored disks' ? 0.25 : 0.1)) {
        this.story.count('node stopped');
        this.story.tell(node.name, () => 'is stopped');
        this.killed(node);
      }
      this.#scheduleStops();
    });
  }

  #read(to: Node, letter: Letter, answer: (said: AnswerTo<LetterKind> | undefined) => void): void {
    if (!to.alive) return;
    const say = (said: AnswerTo<LetterKind> | undefined) => said !== undefined && answer(said);
    switch (letter.kind) {
      case 'teach':
        to.learn(letter.proof);
        if (!to.alive) return;
        return this.#readAsk(to, letter.ask, say);
      case 'ask':
        return this.#readAsk(to, letter.ask, say);
      case 'cancel':
        return void say(to.cancel(letter.ask));
      case 'proof':
        return void say(to.proofOf(letter.slot) ?? {});
      case 'changes': {
        const { cursors, head } = to.disk;
        const slots = [...cursors].filter(([, cursor]) => cursor > letter.after).slice(0, PAGE_MAX);
        return void say({ proofs: slots.flatMap(([slot]) => to.proofOf(slot) ?? []), head });
      }
      case 'call':
        return this.#serve(to, letter, say);
    }
  }

  #readAsk(to: Node, ask: (Letter & { kind: 'ask' })['ask'], say: (said: AnswerTo<'ask'> | undefined) => void): void {
    if (this.isCompromised(to)) return say(this.#compromised.reply(to, ask));
    if (ask.op === 'lock') return stateLock(this, to, ask.place, say);
    say(to.ask(ask));
  }

  #serve(to: Node, { call, caller }: Letter & { kind: 'call' }, say: (said: AnswerTo<'call'>) => void): void {
    try {
      if (!this.quiet && this.plan.lying.includes(to.position)) this.#liar.serve(to, call, caller, say);
      else serve(this, to, call, caller, say);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      say({ said: [], refused: [] });
    }
  }
}
