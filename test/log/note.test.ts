/** Signed notes and vkeys: the specification's example, one spelling only, and that nothing altered verifies. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../../src/base/base64.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import {
  formatNote,
  formatSignatureLine,
  isSignedBy,
  NOTE_BYTES_MAX,
  type NoteSignature,
  parseNote,
  parseSignatureLine,
  SIGNATURES_MAX,
  signNote,
} from '../../src/log/note.ts';
import { COSIGNATURE_KEY, isKeyName, makeVkey, NOTE_KEY, noteKeyId, parseVkey } from '../../src/log/vkey.ts';
import { cosignatureKey, noteKey } from './keys.ts';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : `not coded: ${error}`;
  }
  return 'accepted';
};

/** c2sp.org/signed-note, "Example" of verifier keys. */
const specification = {
  vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  note: 'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
};

describe('base64', () => {
  test('every byte string has one spelling, which reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each(['AB==', 'AAB=', 'AA', 'AA=', 'A===', 'AAAA====', 'AA==AA==', '-_==', 'AA\n==', ' AAAA', 'ÄAAA'])('%j is refused', (text) => {
    expect(code(() => fromBase64(text))).toBe('malformed');
  });
});

describe('vkeys', () => {
  test("the specification's is read, and written back the same", () => {
    const vkey = parseVkey(specification.vkey);
    expect(vkey).toMatchObject({ name: 'example.com/foo', keyId: '530d903a', type: NOTE_KEY });
    expect(makeVkey(vkey.name, NOTE_KEY, vkey.key)).toEqual(vkey);
    expect(noteKeyId(vkey.name, Uint8Array.of(NOTE_KEY), vkey.key)).toBe(vkey.keyId);
    expect(isSignedBy(parseNote(specification.note), vkey)).toBe(true);
  });

  test('one key in two uses has two ids', () => {
    const { key, keyId } = parseVkey(specification.vkey);
    expect(makeVkey('example.com/foo', COSIGNATURE_KEY, key).keyId).not.toBe(keyId);
  });

  const [name, keyId, key] = ['example.com/foo', '530d903a', 'AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'];
  test.each([
    ['another id', `${name}+530d903b+${key}`],
    ['an id in capitals', `${name}+530D903A+${key}`],
    ['another name', `example.com/fop+${keyId}+${key}`],
    ['no name', `+${keyId}+${key}`],
    ['a space in the name', `example.com foo+${keyId}+${key}`],
    ['another type', `${name}+${keyId}+Bu${key.slice(2)}`],
    ['a short key', `${name}+${keyId}+${key.slice(0, -4)}`],
    ['stray bits', `${name}+${keyId}+${key}A===`],
    ['a line feed', `${specification.vkey}\n`],
    ['a key of small order', `${name}+${keyId}+${toBase64(Uint8Array.of(NOTE_KEY, 1, ...new Uint8Array(31)))}`],
    ['nothing', ''],
  ])('with %s are refused', (_, text) => {
    expect(code(() => parseVkey(text))).toBe('malformed');
  });

  test.each(['', 'a b', 'a+b', 'a\u00a0b', 'a\u2003b', 'a\u0085b', 'a\tb', 'a\u0001b', '\ud800', 'x'.repeat(256)])(
    '%j names no key',
    (bad) => {
      expect(isKeyName(bad)).toBe(false);
    },
  );
});

describe('notes', () => {
  const [mine, other] = [noteKey('example.org/log'), noteKey('example.net/other')];
  const text = 'one\n\nthree, after an empty line\n';

  test('are read back to the same text, with signatures of unknown keys and types kept', async () => {
    const unknown: NoteSignature = { name: 'été.example', keyId: 'ffffffff', signature: Uint8Array.of(7) };
    const note = formatNote({ text, signatures: [await signNote(text, mine.vkey, mine.sign), unknown] });
    const read = parseNote(note);
    expect(read.text).toBe(text);
    expect(formatNote(read)).toBe(note);
    expect(isSignedBy(read, mine.vkey)).toBe(true);
    expect(isSignedBy(read, other.vkey)).toBe(false);
  });

  test('are signed by the key that is named, or not at all', async () => {
    await expect(signNote(text, mine.vkey, other.sign)).rejects.toMatchObject({ code: 'not-signed' });
    await expect(signNote(text, cosignatureKey('example.org/w').vkey, mine.sign)).rejects.toMatchObject({ code: 'malformed' });
  });

  test('with one signature of a known key that does not verify are refused as a whole', async () => {
    const good = await signNote(text, mine.vkey, mine.sign);
    const bad = { ...good, signature: good.signature.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) };
    expect(code(() => isSignedBy({ text, signatures: [good, bad] }, mine.vkey))).toBe('not-signed');
    expect(code(() => isSignedBy({ text: 'two\n', signatures: [good] }, mine.vkey))).toBe('not-signed');
  });

  test('do not count a signature under the same name and another id, or the same id and another name', async () => {
    const good = await signNote(text, mine.vkey, mine.sign);
    for (const line of [
      { ...good, keyId: '00000000' },
      { ...good, name: 'example.org/lag' },
    ])
      expect(isSignedBy({ text, signatures: [line] }, mine.vkey)).toBe(false);
  });

  const line = '— a AAAAAAE=\n';
  test.each([
    ['no empty line', 'text\n— a AAAAAAE=\n'],
    ['no signature', 'text\n\n'],
    ['a last line without end', `text\n\n${line.trimEnd()}`],
    ['a carriage return', `text\r\n\n${line}`],
    ['a tab', `te\txt\n\n${line}`],
    ['half a surrogate pair', `\ud800\n\n${line}`],
    ['a hyphen for the dash', 'text\n\n- a AAAAAAE=\n'],
    ['a signature of no bytes', 'text\n\n— a AAAAAA==\n'],
    ['base64 in another spelling', 'text\n\n— a AAAAAAF=\n'],
    ['base64 without padding', 'text\n\n— a AAAAAAE\n'],
    ['two spaces', 'text\n\n— a  AAAAAAE=\n'],
    ['a third word', 'text\n\n— a AAAAAAE= b\n'],
    ['no name', 'text\n\n—  AAAAAAE=\n'],
    ['text behind the signatures', `text\n\n${line}more\n`],
    ['nothing', ''],
  ])('with %s are refused', (_, note) => {
    expect(code(() => parseNote(note))).toBe('malformed');
  });

  test('are bounded, and read up to the bound', () => {
    const signed = (count: number): string => `text\n\n${line.repeat(count)}`;
    expect(parseNote(signed(SIGNATURES_MAX)).signatures).toHaveLength(SIGNATURES_MAX);
    expect(code(() => parseNote(signed(SIGNATURES_MAX + 1)))).toBe('too-large');
    expect(code(() => parseNote(`${'é'.repeat(NOTE_BYTES_MAX / 2)}\n\n${line}`))).toBe('too-large');
  });

  test('that cannot be read back are not written', () => {
    expect(code(() => formatNote({ text: 'no line feed', signatures: [] }))).toBe('malformed');
    const signature: NoteSignature = { name: 'a', keyId: '00000000', signature: Uint8Array.of(1) };
    expect(code(() => formatNote({ text: 'no line feed', signatures: [signature] }))).toBe('malformed');
    expect(code(() => formatNote({ text: 'text\n', signatures: [{ ...signature, name: 'a b' }] }))).toBe('malformed');
    expect(formatSignatureLine(signature)).toBe('— a AAAAAAE=');
    expect(parseSignatureLine('— a AAAAAAE=')).toEqual(signature);
  });

  test('altered anywhere do not verify', async () => {
    const note = formatNote({ text, signatures: [await signNote(text, mine.vkey, mine.sign)] });
    fc.assert(
      fc.property(fc.nat(note.length - 1), fc.constantFrom('A', 'b', '\n', ' ', '=', '—'), (at, letter) => {
        const altered = note.slice(0, at) + letter + note.slice(at + 1);
        fc.pre(altered !== note);
        let counted = false;
        try {
          counted = isSignedBy(parseNote(altered), mine.vkey);
        } catch (error) {
          expect(error).toBeInstanceOf(HoldfastError);
        }
        expect(counted).toBe(false);
      }),
    );
  });
});
