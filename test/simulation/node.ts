/**
 * A simulated node: a token and a disk that survive, a process that does not. It drives the members' machines as the real
 * one does, and may be killed at any effect: what was done stays done, the machine is gone.
 *
 * A machine runs to its end before another one starts, which keeps the order on each slot that the machines ask for.
 */
import { type Id, toHex } from '../../src/base/bytes.ts';
import { fail, HoldfastError } from '../../src/base/errors.ts';
import type { Fleet, FleetNode } from '../../src/fleet/fleet.ts';
import { type Ask, isRefusal, type Member, type Refusal, type Reply } from '../../src/quorum/ask.ts';
import { type Counters, NEW_COUNTERS } from '../../src/quorum/counters.ts';
import type { Effect, Machine, View, VotingStanding } from '../../src/quorum/effects.ts';
import { takeIn } from '../../src/quorum/member/memory.ts';
import type { AccountEvent, Proof, SlotRecord } from '../../src/quorum/record.ts';
import type { Place } from '../../src/vault/slot.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { hash, type Signed } from '../../src/wire/signed.ts';
import { typeOf } from './checks.ts';
import type { SigningKey } from './cryptography.ts';
import type { Machines } from './machines.ts';
import type { Simulation } from './simulation.ts';

/** What a token holds. */
export interface Token {
  counters: Map<Id, Counters>;
  sequence: bigint;
  /** What it held when the others last vouched for it, while they have not done so again. */
  unvouched: bigint | undefined;
  /** For good. */
  quarantined: boolean;
}

/** What a store holds. */
export interface Disk {
  records: Map<Id, SlotRecord>;
  seen: Map<Id, bigint>;
  /** The statements that show it. */
  memory: Map<Id, Signed>;
  /** Of each slot, when it changed last. */
  cursors: Map<Id, number>;
  head: number;
  events: readonly AccountEvent[];
  /** How far this node has read the others' feeds. */
  read: Map<Id, number>;
}

export interface Snapshot {
  readonly token: Token;
  readonly disk: Disk;
}

const LOCK_DELAY_MS = 8000;

/** Thrown through a machine when its process is killed. */
class Killed extends Error {}

export class Node {
  readonly of: FleetNode;
  readonly key: SigningKey;
  readonly name: string;
  readonly position: number;
  readonly machines: Machines;
  readonly #simulation: Simulation;
  token: Token = { counters: new Map(), sequence: 0n, unvouched: undefined, quarantined: false };
  disk: Disk = { records: new Map(), seen: new Map(), memory: new Map(), cursors: new Map(), head: 0, events: [], read: new Map() };
  alive = false;
  /** Rises with every start; what belongs to an earlier one is dropped. */
  life = 0;
  #beforeStart: Token | undefined;
  /** Of this process, those that were followed by another start. */
  #lives: (readonly [bigint, bigint])[] = [];
  standing: VotingStanding = 'none';
  /** Of this life. */
  merged = false;
  found = 0n;
  started = 0n;
  /** Of this life: when an attempt was last counted. */
  readonly #countedMs = new Map<Id, number>();
  #beganMs = 0;

  constructor(simulation: Simulation, of: FleetNode, key: SigningKey, position: number, machines: Machines) {
    this.#simulation = simulation;
    this.of = of;
    this.key = key;
    this.position = position;
    this.name = `node ${position + 1}`;
    this.machines = machines;
  }

  get id(): Id {
    return this.of.id;
  }

  get fleet(): Fleet {
    return this.#simulation.fleet;
  }

  get member(): Member {
    const { keys, world, plan } = this.#simulation;
    return {
      fleet: this.fleet,
      self: this.id,
      verify: keys.verify,
      isProven: () => true,
      now: world.now,
      guessDelaysMs: plan.guessDelaysMs,
      coolingOff: { minSeconds: 0, maxSeconds: 86_400 },
      lockDelayMs: 2 * LOCK_DELAY_MS,
    };
  }

  /** The last guess may have been right: its confirmation gets time to arrive before a lock is sought. */
  mayLock(slot: Id): boolean {
    return this.#sinceCountedMs(slot) >= LOCK_DELAY_MS;
  }

  #sinceCountedMs(slot: Id): number {
    return this.#simulation.world.now - (this.#countedMs.get(slot) ?? this.#beganMs);
  }

  /** The epoch, the upper half of the sequence, rises durably before anything is said. */
  start(standing: VotingStanding): void {
    this.alive = true;
    this.life += 1;
    this.standing = standing;
    this.merged = false;
    this.#countedMs.clear();
    this.#beganMs = this.#simulation.world.now;
    const { token } = this;
    this.#beforeStart = copyToken(token);
    this.#lives = [];
    this.found = (this.machines.remembersVouched ? token.unvouched : undefined) ?? token.sequence;
    // A token of class `device` is not put back, and needs nobody's word.
    token.unvouched = standing === 'full' ? undefined : this.found;
    this.restart(0n);
  }

  /**
   * The power goes before a token that does not sync has written down that it started. @returns false when it has counted since:
   * then it would have lost more than a start.
   */
  loseStart(): boolean {
    if (this.#beforeStart === undefined || this.token.sequence !== this.started) return false;
    this.token = copyToken(this.#beforeStart);
    return true;
  }

  /** With a random part, as the token's (token/bank): two starts of one epoch are told apart by it. */
  restart(above: bigint): void {
    const { token } = this;
    if (above > 0n) this.#lives.push([this.started, token.sequence]);
    const latest = above > token.sequence ? above : token.sequence;
    this.started = (((latest >> 32n) + 1n) << 32n) | BigInt(this.#simulation.world.chance.between(0, 0x7fff_ffff));
    token.sequence = this.started;
  }

  isOwn(sequence: bigint): boolean {
    const lives = [...this.#lives, [this.started, this.token.sequence]] as const;
    return lives.some(([from, to]) => from <= sequence && sequence <= to);
  }

  /** Takes in what others remember, as a restarted member does before anything else. */
  takeIn(memory: readonly Signed[]): boolean {
    return this.#answer('memory', () => takeIn(this.member, memory)) === undefined && this.alive;
  }

  /** The others' word that nothing is missing. */
  vouch(): void {
    this.token.unvouched = undefined;
    this.standing = 'full';
  }

  kill(): void {
    this.alive = false;
    this.life += 1;
  }

  snapshot(): Snapshot {
    return { token: copyToken(this.token), disk: copyDisk(this.disk) };
  }

  restoreToken({ token }: Snapshot): void {
    this.token = copyToken(token);
  }

  restoreDisk({ disk }: Snapshot): void {
    this.disk = copyDisk(disk);
  }

  proofOf(slot: Id): Proof | undefined {
    const record = this.disk.records.get(slot);
    if (record === undefined) return undefined;
    const { standing, attempt, confirmation, lock, cancels } = record;
    return {
      ...(standing && { standing }),
      ...(attempt && { attempt }),
      ...(confirmation && { confirmation }),
      ...(lock && { lock }),
      ...(cancels && { cancels }),
    };
  }

  /** What the member says to a question; nothing when the process died over it. */
  ask(ask: Exclude<Ask, { op: 'cancel' }>, heard = 0): Reply | undefined {
    if (ask.op === 'register-vote') this.#simulation.checks.askedToReplace(this.id, ask.registration);
    const self = { sequence: this.token.sequence, standing: this.standing, heard, merged: this.merged };
    return this.#answer(ask.op, () => this.machines.reply(this.member, ask, self), ask);
  }

  cancel({ place, cancelled }: Ask & { op: 'cancel' }): boolean | Refusal | undefined {
    return this.#answer('cancel', () => this.machines.cancel(this.member, place, cancelled));
  }

  /** Another's proof: true when it was good, as far as it went. */
  learn(proof: Proof): boolean {
    try {
      this.#drive(() => this.machines.learn(this.member, proof), undefined);
      return true;
    } catch (error) {
      if (error instanceof Killed || error instanceof HoldfastError) return false;
      throw error;
    }
  }

  erase(place: Place): boolean {
    return this.#answer('erase', () => this.machines.erase(this.member, place)) === true;
  }

  sign(bytes: Uint8Array): { bytes: Uint8Array; signature: Uint8Array } {
    return { bytes, signature: this.key.sign(bytes) };
  }

  /** Law 5 is checked here: a refusal or an error has changed nothing. */
  #answer<T>(what: string, machine: () => Machine<T | Refusal>, ask?: Ask): T | Refusal | undefined {
    const changes = { count: 0 };
    let reply: T | Refusal;
    try {
      reply = this.#drive(machine, ask, changes);
    } catch (error) {
      if (error instanceof Killed) return undefined;
      if (!(error instanceof HoldfastError)) throw error;
      if (error.code === 'alarm') throw error;
      reply = { refused: error.code, message: error.message };
    }
    if (typeof reply === 'object' && reply !== null && isRefusal(reply)) {
      const { refused, message } = reply;
      this.#simulation.story.tell(this.name, () => `refuses ${what}: ${refused}, ${message}`);
      if (changes.count > 0) this.#simulation.checks.refusedButChanged(this.name, `${what} (${refused})`);
    }
    return reply;
  }

  #drive<T>(make: () => Machine<T>, ask: Ask | undefined, changes = { count: 0 }): T {
    const machine = make();
    let step = machine.next();
    while (!step.done) {
      this.#mayDie(step.value);
      step = machine.next(this.#perform(step.value, ask, changes));
    }
    this.#mayDie(undefined);
    return step.value;
  }

  #mayDie(before: Effect | undefined): void {
    if (!this.#simulation.faults.killsNow()) return;
    const at = before?.kind ?? 'reply';
    this.#simulation.story.count(`killed before ${at}`);
    this.#simulation.story.tell(this.name, () => `is killed before ${at}`);
    this.#simulation.killed(this);
    throw new Killed();
  }

  #perform(effect: Effect, ask: Ask | undefined, changes: { count: number }): unknown {
    const { story, checks, vault, world } = this.#simulation;
    const { token, disk } = this;
    switch (effect.kind) {
      case 'load':
        return this.view(effect.slot);
      case 'commit': {
        const before = token.counters.get(effect.slot) ?? NEW_COUNTERS;
        checks.committed(this.name, before, effect.counters);
        token.sequence += 1n;
        token.counters.set(effect.slot, effect.counters);
        if (effect.counters.tried > before.tried) this.#countedMs.set(effect.slot, world.now);
        changes.count += 1;
        story.tell(this.name, () => `token: ${spell(effect.counters)}`);
        return token.sequence;
      }
      case 'save':
        disk.records.set(effect.slot, effect.record);
        disk.head += 1;
        disk.cursors.set(effect.slot, disk.head);
        if (effect.event !== undefined) {
          const { kind } = effect.event;
          const event = { ...effect.event, account: effect.record.place.account, slot: effect.slot, time: world.now };
          disk.events = [...disk.events, event];
          if (kind === 'erased') checks.erased(digestOf(effect.record), this.view(effect.slot).counters.cleared);
          story.tell(this.name, () => `records: ${kind}`);
        }
        // A refusal may announce: that is what it is for.
        if (effect.event?.kind !== 'announced') changes.count += 1;
        return undefined;
      case 'open':
        return vault.opens(effect.registration, this.position);
      case 'evaluate': {
        if (!vault.opens(effect.registration, this.position)) return fail('share-refused', 'the share is gone');
        const { digest } = effect.registration;
        if (ask?.op === 'answer') {
          const { attempt } = decodeMessage('client/request', ask.request.bytes);
          checks.evaluated(this.id, this.view(effect.registration.slot).counters, effect.registration, attempt, hash(effect.element));
        }
        story.tell(
          this.name,
          () => `answers a guess at ${vault.nameOf(digest)}: ${vault.passcodeOf(effect.element) ?? toHex(effect.element)}`,
        );
        return vault.evaluate(digest, this.position, effect.element);
      }
      case 'sign':
        checks.signed(this.id, effect.bytes);
        if (ask?.op === 'attempt-vote') this.#checkDelay(effect.bytes);
        if (ask?.op === 'register-vote') this.#checkReplacement(ask);
        return this.key.sign(effect.bytes);
      case 'events':
        return disk.events;
      case 'seen':
        return disk.seen.get(effect.node) ?? 0n;
      case 'saw':
        for (const { node, sequence, by } of effect.evidence) {
          if (sequence <= (disk.seen.get(node) ?? 0n)) continue;
          disk.seen.set(node, sequence);
          disk.memory.set(node, by);
        }
        return undefined;
      case 'memory':
        return [...disk.memory.values()];
    }
  }

  #checkDelay(bytes: Uint8Array): void {
    if (typeOf(bytes) !== 'node/attempt-vote') return;
    const vote = decodeMessage('node/attempt-vote', bytes);
    this.#simulation.checks.votes(this.id, this.view(vote.slot).counters, vote);
  }

  #checkReplacement({ registration }: Ask & { op: 'register-vote' }): void {
    const { vault, checks } = this.#simulation;
    const { counters } = this.view(registration.slot);
    const current = counters.active === 0 ? undefined : vault.dealOf(digestOf(this.disk.records.get(registration.slot)));
    if (current === undefined || current.tombstone || vault.dealOf(registration.digest)?.authorised) return;
    checks.replaces(this.id, registration, current.registration.core.policy.coolingOffSeconds);
  }

  view(slot: Id): View {
    const { token, disk, standing } = this;
    const counters = token.counters.get(slot) ?? NEW_COUNTERS;
    const sinceCountedMs = this.#sinceCountedMs(slot);
    return { counters, record: disk.records.get(slot), sequence: token.sequence, standing, sinceCountedMs, hasRoom: true };
  }
}

function digestOf(record: SlotRecord | undefined): Id {
  const standing = record?.standing;
  if (standing === undefined) return fail('alarm', 'nothing stands, and it was erased');
  return decodeMessage('unlock/activate', standing.activation.bytes).digest;
}

function spell({ voted, active, tried, cleared, locked }: Counters): string {
  return `voted ${voted}, active ${active}, tried ${tried}, cleared ${cleared}${locked ? ', locked' : ''}`;
}

function copyToken(token: Token): Token {
  return { ...token, counters: new Map(token.counters) };
}

function copyDisk({ records, seen, memory, cursors, head, events, read }: Disk): Disk {
  const maps = { records: new Map(records), seen: new Map(seen), memory: new Map(memory), cursors: new Map(cursors) };
  return { ...maps, head, events, read: new Map(read) };
}
