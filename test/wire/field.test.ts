/** Every value has exactly one encoding; what is not one is refused with a code. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes, choice, decode, type Field, flag, id, list, nonce, point, struct, text, u8, u16, u32, u64 } from '../../src/wire/field.ts';

const refused = (code: string) => expect.objectContaining({ name: 'HoldfastError', code });

describe('one value, one encoding', () => {
  const number = (field: Field<number>, bits: number) =>
    test(`u${bits}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 ** bits - 1 }), (value) => {
          const written = field.write(value);
          expect(written.length).toBe(bits / 8);
          expect(decode(field, written)).toBe(value);
          expect(Number(`0x${Buffer.from(written).toString('hex')}`)).toBe(value);
        }),
      );
      for (const wrong of [-1, 2 ** bits, 0.5, Number.NaN, 2 ** 53]) expect(() => field.write(wrong)).toThrow(refused('malformed'));
    });
  number(u8, 8);
  number(u16, 16);
  number(u32, 32);

  test('u64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => {
        expect(decode(u64, u64.write(value))).toBe(value);
      }),
    );
    for (const wrong of [-1n, 1n << 64n]) expect(() => u64.write(wrong)).toThrow(refused('malformed'));
  });

  test('text is UTF-8 and nothing else, with its byte order mark if it has one', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40, unit: 'binary' }), (value) => {
        const written = text(255).write(value.toWellFormed());
        expect(decode(text(255), written)).toBe(value.toWellFormed());
      }),
    );
    expect(decode(text(9), text(9).write('\ufeffa'))).toBe('\ufeffa');
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      expect(() => decode(text(9), Uint8Array.of(0, bad.length, ...bad))).toThrow(refused('malformed'));
    }
  });

  test('any bytes that are read at all are written again as they were', () => {
    const all = struct({ a: u8, b: flag, c: choice('x', 'y', 'z'), d: bytes(5), e: list(u16), f: text(4), g: u64 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (given) => {
        let value: ReturnType<typeof all.read>;
        try {
          value = decode(all, given);
        } catch {
          return;
        }
        expect(all.write(value)).toEqual(given);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('bounds', () => {
  test('a flag is 0 or 1', () => {
    for (let byte = 2; byte < 256; byte += 1) expect(() => decode(flag, Uint8Array.of(byte))).toThrow(refused('malformed'));
  });

  test('a choice is one of its words', () => {
    const two = choice('a', 'b');
    expect([0, 1].map((byte) => decode(two, Uint8Array.of(byte)))).toEqual(['a', 'b']);
    for (const byte of [2, 255]) expect(() => decode(two, Uint8Array.of(byte))).toThrow(refused('malformed'));
    expect(() => two.write('c' as 'a')).toThrow(refused('malformed'));
  });

  test('fixed widths are exact', () => {
    for (const length of [0, 31, 33]) expect(() => nonce.write(new Uint8Array(length))).toThrow(refused('malformed'));
    for (const length of [0, 32, 34]) expect(() => point.write(new Uint8Array(length))).toThrow(refused('malformed'));
  });

  test('bytes and text keep their maximum when written and when read', () => {
    expect(decode(bytes(3), bytes(3).write(Uint8Array.of(1, 2, 3)))).toEqual(Uint8Array.of(1, 2, 3));
    expect(() => bytes(3).write(new Uint8Array(4))).toThrow(refused('too-large'));
    expect(() => decode(bytes(3), Uint8Array.of(0, 4, 1, 2, 3, 4))).toThrow(refused('too-large'));
    expect(() => text(3).write('\u00e9\u00e9')).toThrow(refused('too-large'));
  });

  test('a list has at most 255', () => {
    expect(() => list(u8).write(Array(256).fill(0))).toThrow(refused('malformed'));
    expect(() => decode(list(id), Uint8Array.of(255, 1, 2, 3))).toThrow(refused('malformed'));
  });

  test('a number out of a Buffer is read from where the Buffer is', () => {
    const shared = Buffer.from('ffffffffffffffff0000000000000001', 'hex').subarray(8);
    expect(decode(u64, shared)).toBe(1n);
  });

  test('nothing may follow the end, nothing may be missing', () => {
    expect(() => decode(u16, Uint8Array.of(1, 2, 3))).toThrow(refused('malformed'));
    expect(() => decode(u16, Uint8Array.of(1))).toThrow(refused('malformed'));
  });
});
