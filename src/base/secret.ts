/** A value that cannot be printed, logged or serialised by accident: reading it takes the word `reveal`. */
import { fail } from './errors.ts';

const REDACTED = '[secret]';

export class Secret<T extends string | Uint8Array> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): never {
    return fail('alarm', 'a secret was used as text');
  }
}
