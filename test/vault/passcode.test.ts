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

test('a chosen passcode is a PIN of 6 digits or more, or a password of 8 characters or more', async () => {
  for (const typed of ['271828', '２７１８２８', '٤٥٨٧٢٩', 'wandering violet', '7vq2mx0a', '😀🦊🚀🌵🎻🥐🐙🧊']) {
    expect((await choosePasscode(typed)).reveal()).toEqual(normalisePasscode(typed).reveal());
  }
  for (const typed of ['27182', ' 27182 ', '27182a', 'vqmxraz', '😀🦊🚀🌵']) {
    await expect(choosePasscode(typed)).rejects.toThrow(code('malformed'));
  }
});

test.for([
  ['123456', 'common'],
  ['١٢٣٤٥٦', 'common'],
  ['000000', 'common'],
  ['123123', 'common'],
  ['147258', 'common'],
  ['696969', 'common'],
  ['240184', 'a date'],
  ['122584', 'a date'],
  ['19840412', 'a date'],
  ['45674567', 'repeats'],
  ['34567890', 'keyboard'],
  ['password', 'common'],
  ['Passw0rd', 'common'],
  ['qwertzuiop', 'keyboard'],
  ['aaaaaaaaaaaa', 'repeats'],
  ['abcdefghijkl', 'count'],
  ['alice.jones', 'common'],
] as const)('%s is refused when it is chosen: %s', async ([typed, reason]) => {
  await expect(choosePasscode(typed, ['alice.jones'])).rejects.toMatchObject({
    code: 'weak-passcode',
    message: expect.stringContaining(reason),
  });
});

test('the reason does not quote the passcode', async () => {
  const error = await choosePasscode('20121987').catch((thrown: unknown) => thrown);
  expect(JSON.stringify(error) + String(error)).not.toContain('2012');
});

test('eight of ten random PINs may be chosen', async () => {
  let taken = 0;
  for (let i = 0; i < 300; i += 1) {
    const pin = String((i * 618_033 + 271_828) % 1_000_000).padStart(6, '0');
    taken += await choosePasscode(pin).then(
      () => 1,
      () => 0,
    );
  }
  expect(taken).toBeGreaterThan(240);
});

test('an existing short passcode still normalises, so that stricter rules never lock anybody out', () => {
  expect(text('1234')).toBe('1234');
});
