/**
 * A vault node without its listeners: member and coordinator over one token and one store, and the tasks that keep them in
 * step with the others. Built by node/main.ts; called by the listeners through `VaultPort`.
 */
import { type Id, NO_ID } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import { type Random, systemRandom } from '../base/ports.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { answersToRejoin } from '../quorum/coordinator/rejoin.ts';
import type { CoordinatorPort, Health, MemberPort, PeersPort, ShareCounts, VaultPort } from '../web/ports.ts';
import type { Message } from '../wire/message.ts';
import { type Code, permits } from './code.ts';
import { type CoordinatorLimits, CoordinatorSide } from './coordinator-side.ts';
import { type Body, Driver } from './drive.ts';
import { Fellowship } from './fellowship.ts';
import type { Healing } from './healing.ts';
import { MemberSide } from './member-side.ts';
import { countShares, type InventoryOf } from './shares.ts';
import { catchUpTurn } from './tasks/catch-up.ts';
import { dueTurn } from './tasks/due.ts';
import { type Loop, startLoop } from './tasks/loop.ts';
import { firstStanding, rejoinTurn } from './tasks/rejoin.ts';

export interface Timing extends CoordinatorLimits {
  /** One call to a peer by a task. */
  readonly peerLimitMs: number;
  readonly rejoinIntervalMs: number;
  readonly catchUpIntervalMs: number;
  readonly dueIntervalMs: number;
  readonly lockRetryMs: number;
}

export const DEFAULT_TIMING: Timing = {
  limitMs: 15_000,
  answerLingerMs: 150,
  recordLingerMs: 1_000,
  peerLimitMs: 5_000,
  rejoinIntervalMs: 3_000,
  catchUpIntervalMs: 2_000,
  dueIntervalMs: 60_000,
  lockRetryMs: 60_000,
};

/** For `Body.lockDelayMs`. */
export const DEFAULT_LOCK_DELAY_MS = 60_000;

/**
 * For `Body.guessDelaysMs`. Three slips cost nobody time; all ten guesses take more than three hours, in which the owner may look at his
 * account and take another way in.
 */
export const DEFAULT_GUESS_DELAYS_MS: readonly number[] = [0, 0, 0, 60_000, 300_000, 900_000, 3_600_000];

/** For `Body.coolingOff`: people choose up to a month. */
export const DEFAULT_COOLING_OFF = { minSeconds: 0, maxSeconds: 30 * 86_400 };

export interface VaultParts extends Body {
  readonly peers: PeersPort;
  readonly tokenClass: 'device' | 'host';
  /** How many others must vouch for this member after a start; by default as few as are safe. */
  readonly rejoinAnswers?: number;
  /** This node lost its records, and reads those of the others first. */
  readonly healing?: Healing;
  readonly timing?: Partial<Timing>;
  readonly random?: Random;
  /** By default nothing: the token syncs what it writes. */
  readonly syncToken?: () => void;
  /** By default development: from source, and no entry that says otherwise. */
  readonly code?: Code;
}

export class VaultService implements VaultPort {
  readonly fleet: Fleet;
  readonly self: Id;
  readonly member: MemberPort;
  readonly clients: CoordinatorPort;
  readonly #parts: VaultParts;
  readonly #driver: Driver;
  readonly #fellowship: Fellowship;
  readonly #timing: Timing;
  readonly #stop = new AbortController();
  readonly #behind = new Map<Id, number>();
  readonly #code: Code;
  /** What the others said at their last start, if this node was there to hear it. */
  readonly #saidToRun = new Map<Id, Id>();
  #loops: Loop[] = [];
  #healed = false;
  #due: Loop | undefined;

  /** Does nothing by itself until `start`, and answers from the beginning. Token and store stay the caller's to close. */
  constructor(parts: VaultParts) {
    const timing = { ...DEFAULT_TIMING, ...parts.timing };
    const driver = new Driver(parts, () => this.#due?.wake());
    const fellowship = new Fellowship(parts, parts.peers, () => this.member);
    const askOthers = (slot: Id) => fellowship.learn(slot, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timing.peerLimitMs)]));
    this.fleet = parts.fleet;
    this.self = parts.self;
    this.#code = parts.code ?? { measurement: NO_ID, permitted: [] };
    this.member = new MemberSide(parts, driver, askOthers, (hello) => this.#greeted(hello));
    this.clients = new CoordinatorSide(parts, driver, fellowship, timing, this.#stop.signal);
    this.#parts = parts;
    this.#driver = driver;
    this.#fellowship = fellowship;
    this.#timing = timing;
    driver.standing = parts.healing === undefined ? firstStanding(parts.tokenClass, parts.token.counters.quarantined) : 'none';
  }

  /** Starts the tasks. */
  start(): void {
    const { random = systemRandom, trace } = this.#parts;
    const { measurement } = this.#code;
    const { peerLimitMs: limitMs, rejoinIntervalMs, catchUpIntervalMs, dueIntervalMs, lockRetryMs } = this.#timing;
    const about = (ms: number) => Math.round(ms * (0.75 + (random(1)[0] as number) / 512));
    const parts = this.#parts;
    const begin = (task: string, turn: (signal: AbortSignal) => Promise<number | undefined>, retryMs: number): Loop => {
      const failed = (error: unknown) => trace('task-failed', { task, ...whyOf(error) });
      const loop = startLoop(turn, failed, retryMs);
      this.#loops.push(loop);
      return loop;
    };
    const { rejoinAnswers: answers = answersToRejoin(this.fleet), syncToken = () => undefined } = parts;
    const rejoining = { intervalMs: rejoinIntervalMs, limitMs, random, measurement, answers, syncToken };
    const rejoin = rejoinTurn(parts, this.#driver, this.#fellowship, rejoining);
    begin('rejoin', async (signal) => (this.#isHealed() ? rejoin(signal) : rejoinIntervalMs), rejoinIntervalMs);
    const behind = (peer: Id, changes: number) => this.#behind.set(peer, changes);
    for (const peer of this.#fellowship.others) {
      const turn = catchUpTurn(parts, this.#fellowship, peer, { intervalMs: catchUpIntervalMs, limitMs, about, behind });
      begin('catch-up', turn, catchUpIntervalMs);
    }
    const attending = { intervalMs: dueIntervalMs, retryMs: lockRetryMs, limitMs, about };
    this.#due = begin('due', dueTurn(parts, this.#driver, this.#fellowship, attending), dueIntervalMs);
  }

  /** Whether what was lost has been read from enough others: some of them know of every vote that was used. */
  #isHealed(): boolean {
    const { healing, trace } = this.#parts;
    if (healing === undefined || this.#healed) return true;
    const read = [...this.#behind.values()].filter((changes) => changes === 0).length;
    if (read < answersToRejoin(this.fleet)) return false;
    this.#healed = true;
    healing.done();
    trace('healed', { read });
    return true;
  }

  #greeted({ signer, measurement }: Message<'node/hello'>): void {
    this.#saidToRun.set(signer, measurement);
    if (!permits(this.#code, measurement)) this.#parts.trace('peer-runs-other-code', { node: signer, measurement });
  }

  async health(): Promise<Health> {
    const { token, store } = this.#parts;
    const { standing } = this.#driver;
    const peers = this.#fellowship.others.map((node) => {
      const [heardMs, behind] = [this.#fellowship.heardMs(node), this.#behind.get(node)];
      const measurement = this.#saidToRun.get(node);
      return {
        node,
        ...(heardMs !== undefined && { heardMs }),
        ...(behind !== undefined && { behind }),
        ...(measurement && { measurement }),
      };
    });
    return {
      standing: standing === 'full' ? 'voting' : standing === 'none' ? 'starting' : 'quarantined',
      sequence: token.counters.sequence,
      hasRoom: token.counters.hasRoom,
      measurement: this.#code.measurement,
      peers,
      waiting: this.#driver.locks.waiting,
      ...(await store.counts()),
    };
  }

  async shares(): Promise<ShareCounts> {
    const { peerLimitMs } = this.#timing;
    const signal = () => AbortSignal.any([this.#stop.signal, AbortSignal.timeout(peerLimitMs)]);
    const inventories = this.fleet.nodes.map(
      ({ id }): InventoryOf => ({
        node: id,
        page: (after, limit) => this.#fellowship.at(id, signal()).inventory(after, limit),
      }),
    );
    return countShares(this.fleet.threshold, inventories);
  }

  /** Ends tasks and conversations; resolves when no slot is at work any more. Stop the listeners first. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await this.#driver.locks.free();
  }
}

/** For the trace: what happened and the evidence with it, which never holds a secret. */
function whyOf(error: unknown): object {
  if (error instanceof HoldfastError) return { why: error.message, code: error.code, ...error.evidence };
  return { why: error instanceof Error ? error.message : 'unknown' };
}
