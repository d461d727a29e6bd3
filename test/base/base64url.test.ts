import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64url, toBase64url } from '../../src/base/bytes.ts';

const malformed = expect.objectContaining({ code: 'malformed' });

describe('base64url', () => {
  test('is what Node spells, and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64url(text)).toEqual(bytes);
      }),
    );
  });

  test('any text is refused, or is the one spelling of its bytes', () => {
    const letters = fc.constantFrom(...'ABYZabyz0189-_+/= \n\u00e9\u{1f511}');
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 8 }), (text) => {
        const spelled = Buffer.from(text, 'base64url').toString('base64url') === text;
        if (spelled) expect(toBase64url(fromBase64url(text))).toBe(text);
        else expect(() => fromBase64url(text)).toThrow(malformed);
      }),
    );
  });

  test.each(['A', 'AAAAA', 'AB', 'AAB', 'AA==', 'A+AA', 'A/AA', 'AA A', 'AA\n', '\u00c1AAA'])('%j is refused', (text) => {
    expect(() => fromBase64url(text)).toThrow(malformed);
  });
});
