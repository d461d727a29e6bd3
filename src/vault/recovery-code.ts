/**
 * A recovery code: 135 random bits that a person prints or writes down, as 30 characters in six groups of five.
 *
 *   code = 27 random symbols | 3 check symbols      30 symbols of 5 bits, e.g. 7K3QX-...
 *
 * Symbols are Crockford's Base32 (0-9 and A-Z without I, L, O, U). The check symbols make the code a word of the
 * Reed-Solomon code over GF(32) (x^5 + x^2 + 1) whose polynomial, first symbol highest, has the roots 1, a, a^2 with a = x.
 * Its distance is 4: up to three wrong characters, and so any two that were swapped, are noticed without asking anybody;
 * of worse errors one in 32,768 is not.
 *
 * What goes into the OPRF is the 30 canonical characters as ASCII. Nothing slows guesses down: there is nothing to guess.
 */
import { utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_SYMBOLS = 27;
const CHECK_SYMBOLS = 3;
const SYMBOLS = RANDOM_SYMBOLS + CHECK_SYMBOLS;
const GROUP = 5;

/** Powers of a; a^31 = 1. */
const EXP: readonly number[] = powers();
const log = (value: number): number => EXP.indexOf(value);
const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : (EXP[(log(a) + log(b)) % 31] as number));

function powers(): number[] {
  const all = [1];
  for (let i = 1; i < 31; i += 1) {
    const doubled = (all[i - 1] as number) << 1;
    all.push(doubled & 32 ? doubled ^ 0b100101 : doubled);
  }
  return all;
}

/** (x - 1)(x - a)(x - a^2), coefficients from x^2 down: sums of products of the roots; minus is plus here. */
const [ONE, A, A2, A3] = EXP as [number, number, number, number];
const GENERATOR: readonly number[] = [ONE ^ A ^ A2, A ^ A2 ^ A3, A3];

/** "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX". */
export function generateRecoveryCode(random: Random): Secret<string> {
  const symbols = [...random(RANDOM_SYMBOLS)].map((byte) => byte & 31);
  return new Secret(inGroups(spell([...symbols, ...remainder(symbols)])));
}

/**
 * The OPRF input: 30 bytes. Case, spaces and dashes do not matter, and I, L, O are read as the digits they look like.
 * @throws `malformed`, with the place of the mistake where it can be told; never with a character of the code
 */
export function readRecoveryCode(typed: string): Secret<Uint8Array> {
  const text = typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');
  const symbols = [...text].map((character) => ALPHABET.indexOf(character));
  const strange = symbols.indexOf(-1);
  if (strange >= 0) {
    return fail('malformed', 'a recovery code has only digits and letters, and never a U', {
      group: groupOf(strange),
      place: placeIn(strange),
    });
  }
  if (symbols.length !== SYMBOLS) return fail('malformed', `a recovery code has ${SYMBOLS} characters`, { got: symbols.length });
  const syndromes = EXP.slice(0, CHECK_SYMBOLS).map((root) => valueAt(symbols, root));
  if (syndromes.some((value) => value !== 0)) {
    const suspect = singleError(syndromes);
    return suspect === undefined
      ? fail('malformed', 'this recovery code is mistyped in more than one place: compare it with the paper')
      : fail('malformed', `this recovery code is mistyped, probably in group ${groupOf(suspect)}: compare it with the paper`, {
          group: groupOf(suspect),
        });
  }
  return new Secret(utf8(text));
}

/** Of the random symbols times x^3, divided by the generator. */
function remainder(symbols: readonly number[]): number[] {
  let rest = [0, 0, 0];
  for (const symbol of symbols) {
    const lead = symbol ^ (rest[0] as number);
    rest = [...rest.slice(1), 0].map((value, i) => value ^ times(lead, GENERATOR[i] as number));
  }
  return rest;
}

/** Horner: the first symbol is the highest coefficient. */
function valueAt(symbols: readonly number[], at: number): number {
  return symbols.reduce((value, symbol) => times(value, at) ^ symbol, 0);
}

/** One wrong symbol of difference e at x^i gives e, e a^i, e a^2i. @returns its position from 0 */
function singleError([s0 = 0, s1 = 0, s2 = 0]: readonly number[]): number | undefined {
  if (s0 === 0 || s1 === 0 || times(s1, s1) !== times(s0, s2)) return undefined;
  const power = (log(s1) - log(s0) + 31) % 31;
  return power < SYMBOLS ? SYMBOLS - 1 - power : undefined;
}

const spell = (symbols: readonly number[]): string => symbols.map((symbol) => ALPHABET[symbol]).join('');
const inGroups = (text: string): string => (text.match(new RegExp(`.{${GROUP}}`, 'g')) ?? []).join('-');
const groupOf = (position: number): number => Math.floor(position / GROUP) + 1;
const placeIn = (position: number): number => (position % GROUP) + 1;
