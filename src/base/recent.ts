/** What was used lately, bounded: the longest unused goes first. */
export class Recent<K, V> {
  readonly #values = new Map<K, V>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** What `make` throws is thrown, and nothing is kept; nor is undefined. */
  get(key: K, make: () => V): V {
    const known = this.#values.get(key);
    const value = known ?? make();
    if (value === undefined) return value;
    // A map keeps the order of insertion: inserted anew, the key is the youngest.
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#max) {
      for (const oldest of this.#values.keys()) {
        this.#values.delete(oldest);
        break;
      }
    }
    return value;
  }
}
