import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePasscode, normalisePasscode } from '../../src/vault/passcode.ts';

const text = (typed: string) => new TextDecoder().decode(normalisePasscode(typed).reveal());
const code = (expected: string) => expect.objectContaining({ code: expected });

test.for([
  ['１２３４５６', '123456', 'full-width digits'],
  ['Ａｂｃ', 'Abc', 'full-width letters keep their case'],
  ['e\u0301', '\u00e9', 'a letter and its accent, typed apart'],
  ['a\u00a0b\u3000c\u2003d\u1680e', 'a b c d e', 'spaces of all kinds'],
  [' 123456 \n', '123456', 'white space at the ends'],
  ['ﬁsh', 'fish', 'ligatures'],
] as const)('%s is the same passcode as %s: %s', ([typed, same]) => {
  expect(text(typed)).toBe(same);
});

test.for([
  ['password1', 'Password1'],
  ['a b', 'ab'],
  ['123456', '1234567'],
  ['٤٥٦٧٨٩', '456789'],
] as const)('%s is not the same passcode as %s', ([one, other]) => {
  expect(text(one)).not.toBe(text(other));
});

test('normalising twice changes nothing more', () => {
  const typed = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((graphemes) => `x${graphemes}x`);
  fc.assert(
    fc.property(typed, (once) => {
      expect(text(text(once))).toBe(text(once));
    }),
  );
});

test('nothing, control characters, half a surrogate pair and a pasted file are refused', () => {
  for (const typed of ['', '   ', '123\u0000456', '123\n456', '\ud83d12345678']) {
    expect(() => normalisePasscode(typed)).toThrow(code('malformed'));
  }
  expect(normalisePasscode('x'.repeat(1024)).reveal()).toHaveLength(1024);
  expect(() => normalisePasscode('x'.repeat(1025))).toThrow(code('too-large'));
});

test('a chosen passcode is a PIN of 6 digits or more, or a password of 8 characters or more', () => {
  for (const typed of ['123456', '１２３４５６', '٤٥٦٧٨٩', 'abcdefgh', '1234567a', '😀😀😀😀😀😀😀😀']) {
    expect(choosePasscode(typed).reveal()).toEqual(normalisePasscode(typed).reveal());
  }
  for (const typed of ['12345', ' 12345 ', '123456a', 'abcdefg', '😀😀😀😀']) {
    expect(() => choosePasscode(typed)).toThrow(code('malformed'));
  }
});

test('an existing short passcode still normalises, so that stricter rules never lock anybody out', () => {
  expect(text('1234')).toBe('1234');
});
