/** What happened, in words when somebody wants to read it, in numbers always. */
export class Story {
  readonly #told: boolean;
  readonly #elapsedMs: () => number;
  readonly #lines: string[] = [];
  readonly #tally = new Map<string, number>();

  constructor(told: boolean, elapsedMs: () => number) {
    this.#told = told;
    this.#elapsedMs = elapsedMs;
  }

  /** @param what is not even made unless the story is told */
  tell(who: string, what: () => string): void {
    if (!this.#told) return;
    const number = String(this.#lines.length + 1).padStart(5);
    this.#lines.push(`${number}  ${(this.#elapsedMs() / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(12)} ${what()}`);
  }

  /** Counts a fault or another thing that a run of many seeds should have met. */
  count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get tally(): ReadonlyMap<string, number> {
    return this.#tally;
  }
}
