/**
 * Whether a passcode that is being chosen is too easy to guess. Called where people choose, never where they come back.
 *
 * Ten guesses protect a passcode as well as an attacker's ten best guesses miss it, so what is refused is what he would try
 * first. The estimator is zxcvbn-ts: its list of leaked passwords holds the common PINs too. It is loaded when it is first
 * needed: it is ten times as large as the rest of the client.
 */
import { fail } from '../base/errors.ts';

/** A PIN among an attacker's first 10,000 guesses, one in a hundred, is refused: his ten are mostly spent on those. */
const PIN_GUESSES_MIN = 1e4;
/** A password has to be worth a random PIN of six digits. */
const PASSWORD_GUESSES_MIN = 1e6;

const DAY = '(0[1-9]|[12]\\d|3[01])';
const MONTH = '(0[1-9]|1[0-2])';
const YEAR = '(19|20)?\\d\\d';
/** Of six or eight digits, in any order that is written somewhere. A tenth of all PINs: an attacker gains nothing by leaving them out. */
const DATE = new RegExp(`^(${DAY}${MONTH}${YEAR}|${MONTH}${DAY}${YEAR}|${YEAR}${MONTH}${DAY})$`);

type Pattern = 'bruteforce' | 'date' | 'dictionary' | 'regex' | 'repeat' | 'separator' | 'sequence' | 'spatial' | 'wordSequence';

const REASONS: Partial<Readonly<Record<Pattern, string>>> = {
  date: 'it is a date, and dates are tried first',
  dictionary: 'it is among the most common ones, or close to one',
  repeat: 'it repeats itself',
  sequence: 'it counts up or down',
  spatial: 'it is a line on the keyboard',
  regex: 'it is a year',
};

/**
 * @param text normalised
 * @param about what an attacker knows of the person: a name at the account service, say
 * @throws `malformed` with the reason, without the passcode
 */
export async function refuseWeak(text: string, about: readonly string[]): Promise<void> {
  const pin = /^\p{Nd}+$/u.test(text);
  const digits = pin ? asciiDigits(text) : text;
  const { guesses, sequence } = (await estimator())(digits, about);
  const weak = guesses < (pin ? PIN_GUESSES_MIN : PASSWORD_GUESSES_MIN);
  if (!weak && !(pin && DATE.test(digits))) return;
  const pattern = weak ? sequence.length === 1 && (sequence[0]?.pattern as Pattern | undefined) : 'date';
  const reason = (pattern && REASONS[pattern]) ?? 'it is put together from what is tried first';
  fail('weak-passcode', `this ${pin ? 'PIN' : 'password'} is too easy to guess: ${reason}. Choose another one`, { pin });
}

type Estimate = (text: string, about: readonly string[]) => { guesses: number; sequence: readonly { pattern: string }[] };
let loaded: Promise<Estimate> | undefined;

function estimator(): Promise<Estimate> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Estimate> {
  const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
  ]);
  const factory = new ZxcvbnFactory({ graphs: adjacencyGraphs, dictionary });
  return (text, about) => factory.check(text, [...about]);
}

/** A date or a sequence in the digits of another script is one all the same. Scripts number their digits in tens. */
function asciiDigits(text: string): string {
  return [...text].map((digit) => String(digitOf(digit))).join('');
}

function digitOf(digit: string): number {
  const at = digit.codePointAt(0) ?? 0;
  let first = at;
  while (at - first < 9 && /^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return at - first;
}
