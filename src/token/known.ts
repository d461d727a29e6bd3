/**
 * Counters that this process knows to stand in the token, because it read them or had them committed: nobody else writes there
 * (src/token/bank/bank.ts, the owner object). One conversation reads a slot's counters five times, and each would be a message to
 * the token's thread and back. What a failed commit left is not known until it is read again.
 */
import type { Id } from '../base/bytes.ts';
import type { Counters } from '../quorum/counters.ts';

/** Of slots that were at work lately. */
const KNOWN_MAX = 16_384;

/** Nothing while it is not known. A commit puts a new one in place, so that what was read before it can no longer be kept. */
interface Entry {
  counters?: Counters;
}

export class KnownCounters {
  readonly #slots = new Map<Id, Entry>();

  of(slot: Id): Counters | undefined {
    return this.#slots.get(slot)?.counters;
  }

  async reading(slot: Id, read: () => Promise<Counters>): Promise<Counters> {
    const entry = this.#slots.get(slot) ?? this.#begin(slot);
    const counters = await read();
    entry.counters = counters;
    return counters;
  }

  async writing<T>(slot: Id, counters: Counters, commit: () => Promise<T>): Promise<T> {
    this.#slots.delete(slot);
    const entry = this.#begin(slot);
    try {
      const result = await commit();
      entry.counters = counters;
      return result;
    } catch (error) {
      if (this.#slots.get(slot) === entry) this.#slots.delete(slot);
      throw error;
    }
  }

  #begin(slot: Id): Entry {
    const entry: Entry = {};
    this.#slots.set(slot, entry);
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= KNOWN_MAX) break;
      this.#slots.delete(oldest);
    }
    return entry;
  }
}
