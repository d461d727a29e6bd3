/**
 * One machine at a time on a slot: between reading the counters and committing them nothing else may count (law 1). Several
 * slots are taken in one fixed order, so that two callers never wait for each other.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';

/** A client has one conversation at a time in its slot; more than this is a flood, and it must not take memory. */
const WAITING_MAX = 16;

export class SlotLocks {
  /** Those that wait, by slot; a slot that is held has an entry. */
  readonly #lanes = new Map<Id, (() => void)[]>();
  #waiting = 0;
  #whenFree: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting;
  }

  /** @throws `overloaded` when too many wait for one of the slots; what `work` throws */
  async hold<T>(slots: readonly Id[], work: () => Promise<T>): Promise<T> {
    const held: Id[] = [];
    try {
      for (const slot of [...new Set(slots)].sort()) {
        await this.#take(slot);
        held.push(slot);
      }
      return await work();
    } finally {
      for (const slot of held) this.#release(slot);
    }
  }

  /** Resolves once nothing is held. */
  async free(): Promise<void> {
    if (this.#lanes.size > 0) await new Promise<void>((resolve) => this.#whenFree.push(resolve));
  }

  async #take(slot: Id): Promise<void> {
    const lane = this.#lanes.get(slot);
    if (lane === undefined) {
      this.#lanes.set(slot, []);
      return;
    }
    if (lane.length >= WAITING_MAX) fail('overloaded', 'too many calls wait for this slot', { waiting: lane.length });
    this.#waiting += 1;
    await new Promise<void>((resolve) => lane.push(resolve));
    this.#waiting -= 1;
  }

  #release(slot: Id): void {
    const next = this.#lanes.get(slot)?.shift();
    // The slot stays held: it passes straight to the next in line.
    if (next !== undefined) {
      next();
      return;
    }
    this.#lanes.delete(slot);
    if (this.#lanes.size === 0) for (const resolve of this.#whenFree.splice(0)) resolve();
  }
}
