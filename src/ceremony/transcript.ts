/**
 * The transcript of a ceremony: one line of JSON per step, each naming the hash of the line before, so that nothing can be
 * changed, left out or put in afterwards without changing every later line.
 *
 *   line = {"sequence","previous","time","step","role","who"?,"found","facts"} without white space, UTF-8, ended by a line feed
 *   previous = SHA-256( the line before, without its line feed ); zeros in the first
 *
 * The first line's step is `begin`: the format, the plan, its digest and its parameters. `exception` says what was not as planned, and who
 * says so. `signature` covers all lines before it (signature.ts). After `end` only signatures follow.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { type Id, isId, NO_ID, toBase64url, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { hash } from '../wire/signed.ts';
import type { Person, Role } from './people.ts';
import type { Fact, Facts } from './plan.ts';
import { bytesToSign, type Hand } from './signature.ts';

/** In the facts of the first line. A transcript of another format is refused, not misread. */
export const TRANSCRIPT_TYPE = 'holdfast/transcript/v1';
export const BEGIN = 'begin';
export const END = 'end';
export const EXCEPTION = 'exception';
export const SIGNATURE = 'signature';

const fact: z.ZodType<Fact> = z.lazy(() => z.union([z.string(), z.number(), z.boolean(), z.array(fact), facts]));
const facts: z.ZodType<Facts> = z.record(z.string(), fact);

const line = z.strictObject({
  sequence: z.int().min(1),
  previous: z.custom<Id>((value) => typeof value === 'string' && isId(value)),
  time: z.iso.datetime({ precision: 3 }),
  step: z.string().min(1),
  role: z.enum(['operator', 'observer', 'custodian']),
  /** The people who confirmed it. */
  who: z.array(z.string().min(1)).min(1).optional(),
  /** True: the step was found done, after an interruption between doing and recording it. */
  found: z.boolean(),
  facts,
});

export type Line = z.output<typeof line>;

const digestOf = (text: string): Id => hash(utf8(text));

/**
 * Every line, its place in the chain checked.
 * @returns also `head`, the digest of the last line: whoever wrote it down can tell a transcript that was made anew.
 * @throws `malformed` naming the line, and for a transcript of another format
 */
export function parseTranscript(text: string): { lines: Line[]; head: Id } {
  const texts = text.split('\n');
  if (texts.pop() !== '')
    fail('malformed', 'the transcript does not end with a line feed: its last line was cut', { line: texts.length + 1 });
  let head: Id = NO_ID;
  const lines: Line[] = [];
  for (const [i, one] of texts.entries()) {
    const read = parseLine(one, i + 1);
    if (read.sequence !== i + 1 || read.previous !== head) fail('malformed', ...explainBreak(texts, i, read));
    head = digestOf(one);
    lines.push(read);
  }
  return { lines, head };
}

/** Of a first line in whatever shape: that of another format may have another. */
function requireFormat(value: unknown): void {
  const { step, facts: said } = (value ?? {}) as { readonly step?: unknown; readonly facts?: { readonly format?: unknown } };
  const format = said?.format ?? 'none';
  if (format === TRANSCRIPT_TYPE || (format === 'none' && step !== BEGIN)) return;
  fail('malformed', 'the transcript is of a format that this release does not know: read it with the release that wrote it', {
    expected: TRANSCRIPT_TYPE,
    got: typeof format === 'string' ? format : typeof format,
  });
}

/** Why line `at` (from 0) does not follow on the one before it. */
function explainBreak(texts: readonly string[], at: number, { sequence, previous }: Line): [string, Record<string, number>] {
  const expected = at + 1;
  const elsewhere = texts.findIndex((text) => sequenceIn(text) === expected);
  if (sequence > expected && elsewhere > at)
    return [
      `the transcript is not a chain: lines were exchanged: line ${expected} stands in another place`,
      { line: expected, elsewhere: elsewhere + 1 },
    ];
  if (sequence > expected)
    return [
      `the transcript is not a chain: before line ${expected} something was cut out`,
      { line: expected, missing: sequence - expected },
    ];
  const next = texts[at + 1];
  if (sequence < expected && next !== undefined && at > 0 && memberOf(next, 'previous') === digestOf(texts[at - 1] ?? ''))
    return [`the transcript is not a chain: line ${expected} was put in`, { line: expected, sequence }];
  if (sequence < expected)
    return ['the transcript is not a chain: a line was put in, or is in another place', { line: expected, sequence }];
  if (at === 0) return ['the transcript is not a chain: its first line names one before it', { line: 1 }];
  const after = texts.findIndex((text) => digestOf(text) === previous);
  if (after >= 0) return ['the transcript is not a chain: lines were exchanged', { line: expected, after: after + 1 }];
  return explainDigest(texts, at);
}

/** Which of the two is not what it was, by what the line after them names. */
function explainDigest(texts: readonly string[], at: number): [string, Record<string, number>] {
  const line = at + 1;
  const [before = '', here = '', next] = texts.slice(at - 1, at + 2);
  const named = next === undefined ? undefined : memberOf(next, 'previous');
  if (named === undefined)
    return [`the transcript is not a chain: line ${at} was changed, or line ${line} is of another transcript`, { line: at }];
  if (named === digestOf(before)) return [`the transcript is not a chain: line ${line} was put in: it is of another transcript`, { line }];
  if (named === digestOf(here)) return [`the transcript is not a chain: line ${at} was changed, or put in place of another`, { line: at }];
  return [`the transcript is not a chain: line ${line} is of another transcript, or was changed with what it names before it`, { line }];
}

const sequenceIn = (text: string): unknown => memberOf(text, 'sequence');

function memberOf(text: string, member: 'sequence' | 'previous'): unknown {
  try {
    return (JSON.parse(text) as Partial<Record<typeof member, unknown>> | null)?.[member];
  } catch {
    return undefined;
  }
}

const DEPTH_MAX = 32;

function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth < DEPTH_MAX && Object.values(value).every((one) => isShallow(one, depth + 1));
}

function parseLine(text: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', 'a line of the transcript is not JSON', { line: number });
  }
  if (number === 1) requireFormat(value);
  // What is deeper overflows the stack of whatever walks through it.
  if (!isShallow(value)) return fail('malformed', `a line of the transcript is more than ${DEPTH_MAX} levels deep`, { line: number });
  const read = line.safeParse(value);
  if (!read.success) return fail('malformed', `a line of the transcript: ${read.error.issues[0]?.message}`, { line: number });
  // One spelling: the digest of a line is that of what it says.
  return JSON.stringify(value) === text
    ? read.data
    : fail('malformed', 'a line of the transcript is not in its one spelling', { line: number });
}

export interface Saying {
  readonly step: string;
  readonly role: Role;
  readonly who?: readonly string[];
  readonly found?: boolean;
  readonly facts: Facts;
}

/** A transcript in its file, being written. */
export class Transcript {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #lines: Line[];
  #head: Id;

  /**
   * Makes the file, or goes on with it. The end of a line that was never finished is cut off.
   * @throws `malformed` when what is there is not a chain
   */
  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    const there = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const whole = there.slice(0, there.lastIndexOf('\n') + 1);
    if (whole !== there) truncateSync(file, Buffer.byteLength(whole));
    const { lines, head } = parseTranscript(whole);
    this.#lines = lines;
    this.#head = head;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  get head(): Id {
    return this.#head;
  }

  /** On disk when it returns. */
  append({ step, role, who, found = false, facts: said }: Saying, time = this.#now()): void {
    const next: Line = {
      sequence: this.#lines.length + 1,
      previous: this.#head,
      time,
      step,
      role,
      ...(who !== undefined && who.length > 0 && { who: [...who] }),
      found,
      facts: said,
    };
    const text = JSON.stringify(next);
    const file = openSync(this.#file, 'a', 0o600);
    try {
      writeSync(file, `${text}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#lines.push(next);
    this.#head = digestOf(text);
  }

  /** A signature over everything so far, as the next line. */
  async appendSignature({ role, name }: Person, hand: Hand): Promise<void> {
    const signing = { sequence: this.#lines.length + 1, previous: this.#head, time: this.#now(), role, name };
    const signature = toBase64url(await hand.sign(bytesToSign(signing)));
    this.append({ step: SIGNATURE, role, who: [name], facts: { key: hand.key, signature } }, signing.time);
  }

  #now(): string {
    return new Date(this.#clock()).toISOString();
  }
}
