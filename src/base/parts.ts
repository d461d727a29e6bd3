/** What a running program is made of: closed in the reverse order of opening, also when a later part does not open. */
export class Parts {
  readonly #closers: (() => unknown)[] = [];

  add<T>(part: T, close: (part: T) => unknown): T {
    this.#closers.push(() => close(part));
    return part;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
