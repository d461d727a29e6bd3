/**
 * When a guess was last counted in a slot, on the clock of this process, which only goes forward: nobody can set it, and no disk
 * holds it that could be put back. Of what was counted before the process began, its beginning is taken (quorum/member/wait.ts).
 */
import type { Id } from '../base/bytes.ts';
import type { Counters } from '../quorum/counters.ts';

export class LastCounted {
  readonly #keptMs: number;
  readonly #clock: () => number;
  readonly #beganMs: number;
  /** The longest ago first. Only slots with guesses that were not confirmed. */
  readonly #atMs = new Map<Id, number>();

  /**
   * @param keptMs the longest time that anybody asks about
   * @param clock milliseconds; never set, never back
   */
  constructor(keptMs: number, clock = () => performance.now()) {
    this.#keptMs = keptMs;
    this.#clock = clock;
    this.#beganMs = clock();
  }

  note(slot: Id, before: Counters | undefined, after: Counters): void {
    const open = after.tried > after.cleared;
    const guessed = before === undefined || before.active !== after.active || after.tried > before.tried;
    if (open && !guessed) return;
    const now = this.#clock();
    this.#atMs.delete(slot);
    if (open) this.#atMs.set(slot, now);
    for (const [oldest, atMs] of this.#atMs) {
      if (now - atMs <= this.#keptMs) break;
      this.#atMs.delete(oldest);
    }
  }

  /** At least. */
  sinceMs(slot: Id): number {
    return this.#clock() - (this.#atMs.get(slot) ?? this.#beganMs);
  }
}
