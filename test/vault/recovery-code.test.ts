import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateRecoveryCode, readRecoveryCode } from '../../src/vault/recovery-code.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const code = fc.uint8Array({ minLength: 27, maxLength: 27 }).map((bytes) =>
  generateRecoveryCode(() => bytes)
    .reveal()
    .replaceAll('-', ''),
);
const other = (character: string, by: number) => ALPHABET[(ALPHABET.indexOf(character) + by) % 32] as string;
const put = (text: string, at: number, character: string) => text.slice(0, at) + character + text.slice(at + 1);
const read = (typed: string) => new TextDecoder().decode(readRecoveryCode(typed).reveal());
const mistyped = expect.objectContaining({ code: 'malformed' });

describe('a recovery code', () => {
  it('is six groups of five characters that cannot be taken for each other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 27, maxLength: 27 }), (bytes) => {
        const printed = generateRecoveryCode(() => bytes).reveal();
        expect(printed).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]{5}$/);
        expect(read(printed)).toBe(printed.replaceAll('-', ''));
      }),
    );
  });

  it('has 135 random bits: each bit of what is drawn, but for the upper three of a byte, makes another code', () => {
    const codes = new Set<string>();
    for (let bit = 0; bit < 27 * 8; bit += 1) {
      codes.add(
        generateRecoveryCode((length) =>
          new Uint8Array(length).fill(1 << (bit % 8), Math.floor(bit / 8), Math.floor(bit / 8) + 1),
        ).reveal(),
      );
    }
    // The upper bits all give the code of nothing but zeros.
    expect(codes.size).toBe(135 + 1);
  });

  it('is pinned, so that a printed one can be read for ever', () => {
    const bytes = Uint8Array.from({ length: 27 }, (_, i) => i);
    expect(generateRecoveryCode(() => bytes).reveal()).toBe('01234-56789-ABCDE-FGHJK-MNPQR-STZFB');
  });

  it('is read whatever the case, the spaces and the dashes, and with look-alikes for the digits they look like', () => {
    fc.assert(
      fc.property(code, (text) => {
        expect(read(` ${text.toLowerCase().replace(/(.{4})/g, '$1 ')}`)).toBe(text);
        expect(read(text.replaceAll('0', 'o').replaceAll('1', 'l'))).toBe(text);
        expect(
          read(
            text
              .replaceAll('0', 'O')
              .replaceAll('1', 'I')
              .replace(/(.{3})/g, '$1\u2013'),
          ),
        ).toBe(text);
      }),
    );
  });
});

describe('offline, without asking anybody,', () => {
  it('every single wrong character is noticed, and its group is named', () => {
    fc.assert(
      fc.property(code, (text) => {
        for (let at = 0; at < 30; at += 1) {
          for (let by = 1; by < 32; by += 1) {
            const wrong = put(text, at, other(text[at] as string, by));
            expect(() => readRecoveryCode(wrong)).toThrow(`group ${Math.floor(at / 5) + 1}:`);
          }
        }
      }),
      { numRuns: 5 },
    );
  });

  it('every two characters that were swapped are noticed, neighbours or not', () => {
    fc.assert(
      fc.property(code, (text) => {
        for (let at = 0; at < 30; at += 1) {
          for (let to = at + 1; to < 30; to += 1) {
            if (text[at] === text[to]) continue;
            const swapped = put(put(text, at, text[to] as string), to, text[at] as string);
            expect(() => readRecoveryCode(swapped)).toThrow(mistyped);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('any three wrong characters are noticed', () => {
    const places = fc.uniqueArray(fc.nat(29), { minLength: 2, maxLength: 3 });
    fc.assert(
      fc.property(code, places, fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 3, maxLength: 3 }), (text, at, by) => {
        const wrong = at.reduce((changed, place, i) => put(changed, place, other(changed[place] as string, by[i] as number)), text);
        expect(() => readRecoveryCode(wrong)).toThrow(mistyped);
      }),
      { numRuns: 2000 },
    );
  });

  it('one left out, one too many, and characters of no code are noticed', () => {
    fc.assert(
      fc.property(code, fc.nat(29), (text, at) => {
        expect(() => readRecoveryCode(text.slice(0, at) + text.slice(at + 1))).toThrow(mistyped);
        expect(() => readRecoveryCode(put(text, at, `${text[at]}${text[at]}`))).toThrow(mistyped);
        expect(() => readRecoveryCode(put(text, at, 'U'))).toThrow('never a U');
      }),
    );
    for (const typed of ['', 'hello', '271828']) expect(() => readRecoveryCode(typed)).toThrow(mistyped);
  });

  it('an error never quotes the code', () => {
    fc.assert(
      fc.property(code, fc.nat(29), (text, at) => {
        try {
          readRecoveryCode(put(text, at, other(text[at] as string, 1)));
        } catch (error) {
          expect(JSON.stringify(error) + String(error)).not.toContain(text.slice(0, 5));
        }
      }),
    );
  });
});
