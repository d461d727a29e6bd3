/**
 * The fields that signed messages and registrations are made of. Every value has exactly one encoding, so that two
 * different byte strings never mean the same thing and a parsed value re-encodes to what was signed.
 *
 *   u8, u16, u32, u64   unsigned, big-endian, fixed width
 *   flag                one byte, 0 or 1
 *   id                  32 bytes
 *   point               33 bytes, compressed SEC 1 (that it is on the curve is checked where it is used)
 *   bytes(max)          u16 length, then that many bytes, at most max
 *   text(max)           as bytes(max), UTF-8
 *   list(f)             u8 count, then each
 */
import { concatBytes, fromUtf8, type Id, idFromBytes, idToBytes, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';

export interface Field<T> {
  /** How it is written, for docs/formats.md. */
  readonly form: string;
  /** @throws `malformed` when the value does not fit. */
  write(value: T): Uint8Array;
  read(from: Reader): T;
}

/** Takes bytes from the front. @throws `malformed` when there are too few. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer's `slice` does not copy: numbers would be read from the start of the memory that it shares with others.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) fail('malformed', `the message ends early: ${length} more bytes expected`, { at: this.#at });
    const taken = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Bytes after the last field would be unsigned meaning for a laxer parser. */
  end(): void {
    if (this.#at !== this.#bytes.length) fail('malformed', 'bytes after the end of the message', { extra: this.#bytes.length - this.#at });
  }
}

function unsigned(width: number): Field<number> {
  const limit = 256 ** width;
  return {
    form: `u${width * 8}`,
    write(value) {
      if (!Number.isSafeInteger(value) || value < 0 || value >= limit) fail('malformed', `expected an integer below ${limit}`);
      const out = new Uint8Array(width);
      for (let at = width - 1, rest = value; at >= 0; at -= 1, rest = Math.floor(rest / 256)) out[at] = rest % 256;
      return out;
    },
    read(from) {
      let sum = 0;
      for (const byte of from.take(width)) sum = sum * 256 + byte;
      return sum;
    },
  };
}

export const u8 = unsigned(1);
export const u16 = unsigned(2);
export const u32 = unsigned(4);

export const u64: Field<bigint> = {
  form: 'u64',
  write(value) {
    if (value < 0n || value >= 1n << 64n) fail('malformed', 'expected an integer below 2^64');
    const out = new Uint8Array(8);
    new DataView(out.buffer).setBigUint64(0, value);
    return out;
  },
  read: (from) => new DataView(from.take(8).buffer).getBigUint64(0),
};

export const flag: Field<boolean> = {
  form: 'flag',
  write: (value) => u8.write(value ? 1 : 0),
  read(from) {
    const byte = u8.read(from);
    return byte > 1 ? fail('malformed', 'expected 0 or 1', { got: byte }) : byte === 1;
  },
};

export const id: Field<Id> = { form: '32', write: idToBytes, read: (from) => idFromBytes(from.take(32)) };

function fixed(length: number): Field<Uint8Array> {
  return {
    form: `${length}`,
    write: (value) => (value.length === length ? value : fail('malformed', `expected ${length} bytes`, { got: value.length })),
    read: (from) => from.take(length),
  };
}

export const point = fixed(33);
export const nonce = fixed(32);

export function bytes(maxLength: number): Field<Uint8Array> {
  const check = (length: number) => {
    if (length > maxLength) fail('too-large', `expected at most ${maxLength} bytes`, { got: length });
  };
  return {
    form: `bytes(${maxLength})`,
    write(value) {
      check(value.length);
      return concatBytes(u16.write(value.length), value);
    },
    read(from) {
      const length = u16.read(from);
      check(length);
      return from.take(length);
    },
  };
}

export function text(maxLength: number): Field<string> {
  const inner = bytes(maxLength);
  return { form: `text(${maxLength})`, write: (value) => inner.write(utf8(value)), read: (from) => fromUtf8(inner.read(from)) };
}

export function list<T>(of: Field<T>): Field<readonly T[]> {
  return {
    form: `list of ${of.form}`,
    write: (values) => concatBytes(u8.write(values.length), ...values.map((value) => of.write(value))),
    read: (from) => Array.from({ length: u8.read(from) }, () => of.read(from)),
  };
}

/** One of the given words, as its place in the list. Never reorder a list that is in use. */
export function choice<const W extends string>(...words: readonly W[]): Field<W> {
  return {
    form: `one of ${words.join(', ')}`,
    write: (word) => u8.write(words.indexOf(word)),
    read(from) {
      const at = u8.read(from);
      return words[at] ?? fail('malformed', `expected one of ${words.length} values`, { got: at });
    },
  };
}

type Shape = Readonly<Record<string, Field<never> | Field<unknown>>>;
export type Of<S> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** Fields one after the other, in the order in which the shape names them. */
export function struct<S extends Shape>(shape: S): Field<Of<S>> {
  const entries = Object.entries(shape) as [keyof S & string, Field<unknown>][];
  return {
    form: entries.map(([name, { form }]) => `${form} ${name}`).join(' | '),
    write: (value) => concatBytes(...entries.map(([name, field]) => field.write(value[name]))),
    read(from) {
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) value[name] = field.read(from);
      return value as Of<S>;
    },
  };
}

/** @throws `malformed` unless `bytes` is exactly one encoding of the field. */
export function decode<T>(field: Field<T>, bytes: Uint8Array): T {
  const from = new Reader(bytes);
  const value = field.read(from);
  from.end();
  return value;
}
