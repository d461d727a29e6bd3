/** How commands talk: results on stdout, everything else on stderr, colours only on a terminal. */
import { styleText } from 'node:util';
import { type Code, codes, type Evidence, type HoldfastError } from '../base/errors.ts';
import { coded, plain } from './told.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  wrongPasscode: 3,
  locked: 4,
  noQuorum: 5,
  waiting: 6,
  pinRefused: 7,
  tooSoon: 8,
} as const;

export const EXIT_CODES = `Exit codes:
  0  done
  1  failed: the message names what to do next
  2  wrong usage
  3  the passcode (or recovery code) is wrong
  4  locked: all guesses are used up
  5  too few nodes answered: try again later, nothing is lost
  6  announced: it takes effect after a waiting time, unless the owner objects
  7  the token refused its PIN: it must not be tried again by a service manager
  8  too soon after wrong guesses: the message says when the next is allowed, and nothing was counted`;

const exits: Partial<Readonly<Record<Code, number>>> = {
  'wrong-passcode': EXIT.wrongPasscode,
  locked: EXIT.locked,
  'no-quorum': EXIT.noQuorum,
  'cooling-off': EXIT.waiting,
  'pin-refused': EXIT.pinRefused,
  'rate-limited': EXIT.tooSoon,
};

export function exitCodeOf(error: unknown): number {
  return exits[coded(error).code] ?? EXIT.failure;
}

/** `error: CODE: what happened (evidence)` and the next step; of a bug also where it is. */
function describeError({ code, message, evidence: numbers, cause }: HoldfastError): string {
  const evidence = describeEvidence(numbers);
  const where = code === 'alarm' && cause instanceof Error ? `\n${(cause.stack ?? '').split('\n').slice(1).join('\n')}` : '';
  return plain(`error: ${code}: ${message}${evidence && ` (${evidence})`}\n  next: ${codes[code].next}${where}`);
}

function describeEvidence(evidence: Evidence): string {
  return Object.entries(evidence)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}

/** @param json one object with code, message, evidence and next, for who asked for JSON */
export function printError(error: unknown, json: boolean): void {
  const told = coded(error);
  const { code, message, evidence } = told;
  if (json) return say(JSON.stringify({ error: { code, message, evidence, next: codes[code].next } }));
  clearLine();
  process.stderr.write(`${styleText('red', describeError(told), { stream: process.stderr })}\n`);
}

export function say(text: string): void {
  clearLine();
  process.stderr.write(`${plain(text)}\n`);
}

/** What a long wait is traced with, said to who waits; the same of the same token once. */
export function spoken(): Readonly<Record<'info' | 'warn', (fields: object, words: string) => void>> {
  const said = new Set<string>();
  const once = (fields: object, words: string): void => {
    const text = `${words} (${describeEvidence(fields as Evidence)})`;
    if (!said.has(text)) say(text);
    said.add(text);
  };
  return { info: once, warn: once };
}

export function print(text: string): void {
  clearLine();
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one), 2));
}

export type Colour = 'green' | 'yellow' | 'red';

/** A cell of a table; colours say nothing that the text does not. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

export function printTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.text.length ?? 0)));
  const line = (cells: readonly Cell[]): string =>
    cells
      .map(({ text, colour }, i) => {
        const padded = text.padEnd(widths[i] ?? 0);
        return colour === undefined ? padded : styleText(colour, padded, { stream: process.stdout });
      })
      .join('  ')
      .trimEnd();
  print(line(headings.map((text) => ({ text }))));
  for (const row of rows) print(line(row));
}

const COLUMNS = 80;
let lineStands = false;

/** One line that is written over, on a terminal; elsewhere nothing. Whatever else is written clears it. */
export function progressLine(text: string): void {
  if (!process.stderr.isTTY || (text === '' && !lineStands)) return;
  // Some terminals say that they have no columns.
  process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || COLUMNS) - 1)}`);
  lineStands = text !== '';
}

function clearLine(): void {
  progressLine('');
}
