/** What goes wrong with processes and messages, and how often, in one seed; nothing any more once it is healed. */
import type { Id } from '../../src/base/bytes.ts';
import type { World } from './world.ts';

export interface FaultRates {
  /** Of a message, each way. */
  readonly lost: number;
  readonly duplicated: number;
  /** Seconds late. */
  readonly slow: number;
  /** Minutes late. */
  readonly held: number;
  /** Of a process, at each effect. */
  readonly killed: number;
  /** Of a device, at each effect. */
  readonly deviceKilled: number;
  /** Partitions per minute. */
  readonly partitioned: number;
}

const NO_FAULTS: FaultRates = { lost: 0, duplicated: 0, slow: 0, held: 0, killed: 0, deviceKilled: 0, partitioned: 0 };

export class Faults {
  readonly #world: World;
  rates: FaultRates;
  /** Nodes on the far side; the devices are on the near one. */
  #cut: ReadonlySet<Id> = new Set();
  #healed = false;

  constructor(world: World, rates: FaultRates) {
    this.#world = world;
    this.rates = rates;
  }

  heal(): void {
    this.rates = NO_FAULTS;
    this.#cut = new Set();
    this.#healed = true;
  }

  killsNow(): boolean {
    return this.rates.killed > 0 && this.#world.chance.happens(this.rates.killed);
  }

  killsDeviceNow(): boolean {
    return this.rates.deviceKilled > 0 && this.#world.chance.happens(this.rates.deviceKilled);
  }

  /** Cuts the fleet in two, for a while, again and again. */
  schedulePartitions(nodes: readonly Id[]): void {
    if (this.rates.partitioned === 0) return;
    const { chance } = this.#world;
    this.#world.after(chance.between(1, Math.ceil(120_000 / this.rates.partitioned)), () => {
      if (this.rates.partitioned === 0) return;
      this.#cut = new Set(chance.some(nodes));
      this.#world.story.tell(
        'network',
        () => `is cut: ${nodes.flatMap((id, i) => (this.#cut.has(id) ? `node ${i + 1}` : [])).join(', ') || 'nobody'} apart`,
      );
      this.#world.after(chance.between(500, 40_000), () => {
        this.#cut = new Set();
        this.schedulePartitions(nodes);
      });
    });
  }

  /** The adversary cuts the network as he likes. */
  cutOff(apart: readonly Id[], forMs: number): void {
    if (this.#healed) return;
    const cut = new Set(apart);
    this.#cut = cut;
    this.#world.story.count('adversary cuts the network');
    this.#world.after(forMs, () => {
      if (this.#cut === cut) this.#cut = new Set();
    });
  }

  /** @param from undefined for a device */
  apart(from: Id | undefined, to: Id): boolean {
    return this.#cut.has(to) !== (from !== undefined && this.#cut.has(from));
  }

  delayMs(): number {
    const { chance, story } = this.#world;
    const { slow, held } = this.rates;
    if (held > 0 && chance.happens(held)) {
      story.count('message held back');
      return chance.between(10_000, 200_000);
    }
    return slow > 0 && chance.happens(slow) ? chance.between(100, 4000) : chance.between(1, 12);
  }
}
