/**
 * Checks a finished ceremony from its transcript alone, by the plan that this program makes from its parameters: the chain, that
 * every step stands there once and after those it waits for, that every condition holds over what was read
 * back or an exception is on record, that everyone confirmed who had to, every signature, and what follows from it all: a fleet
 * entry, a root. What it cannot see: whether transcript and people's keys were made anew as a whole. For that the keys are to be
 * compared with what is known of these people, or the head's digest with what they wrote down.
 */
import type { Id } from '../base/bytes.ts';
import { fromBase64url } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import { compareOutcome } from './compare.ts';
import { kindOf } from './kinds.ts';
import { lintPlan } from './lint.ts';
import { type Person, peopleOf, type Role, signersOf } from './people.ts';
import { checkStep } from './perform.ts';
import { type Facts, type Plan, planDigest, type Step } from './plan.ts';
import { bytesToSign, isSignedBy } from './signature.ts';
import { BEGIN, END, EXCEPTION, type Line, parseTranscript, SIGNATURE } from './transcript.ts';

export interface RecordedException {
  readonly line: number;
  readonly by: Person;
  /** A step, usually. */
  readonly about: string;
  readonly text: string;
  /** The condition that did not hold, where there is one. */
  readonly must?: string;
}

export interface Verified {
  readonly plan: string;
  /** The plan's words are those of this version: what people confirmed is what its script says. */
  readonly sameWords: boolean;
  readonly lines: number;
  /** Digest of the last line. */
  readonly head: Id;
  /** Milliseconds since 1970, as the transcript says. */
  readonly begunMs: number;
  readonly endedMs: number;
  /** Steps that were found done: interrupted before they were recorded, or done by someone else before the ceremony. */
  readonly found: readonly string[];
  readonly exceptions: readonly RecordedException[];
  /** Who signed, with the key the transcript names: nobody in a plan for development. */
  readonly signers: readonly (Person & { readonly key: string; readonly signatures: number })[];
  /** What follows from what was read back, by the name of its file. */
  readonly files: Readonly<Record<string, string>>;
  /** The fleet entry, of a ceremony that gives one. */
  readonly entry?: FleetEntry;
}

/**
 * @param published files that are in use, by their names, to be compared with what follows
 * @throws `malformed` naming the line; `not-signed` naming line and signer; `alarm` when what was read back does not fulfil the
 * plan or give what is published
 */
export function verifyTranscript(text: string, published: Readonly<Record<string, string>> = {}): Verified {
  const { lines, head } = parseTranscript(text);
  const [first, ...rest] = lines;
  const end = rest.findIndex(({ step }) => step === END);
  const last = rest[end];
  if (first?.step !== BEGIN)
    return fail('malformed', 'the transcript has no beginning: it is empty, or what it began with was cut off', { lines: lines.length });
  if (last === undefined)
    return fail('malformed', `the transcript has no end: it was cut after line ${lines.length}, or the ceremony was not finished`, {
      lines: lines.length,
    });
  const plan = planOf(first);
  const walk = new Walk(plan);
  for (const line of rest) walk.take(line);
  const known = walk.finish();
  const outcome = kindOf(plan.name).derive(plan.parameters, known);
  compareOutcome(outcome, published);
  return {
    plan: plan.name,
    sameWords: planDigest(plan) === first.facts['digest'],
    lines: lines.length,
    head,
    begunMs: Date.parse(first.time),
    endedMs: Date.parse(last.time),
    found: rest.filter((line) => line.found).map(({ step }) => step),
    exceptions: walk.exceptions,
    signers: walk.signers(),
    ...outcome,
  };
}

function planOf({ facts }: Line): Plan<never> {
  const plan = kindOf(facts['plan']).plan(facts['parameters']);
  const [problem] = lintPlan(plan);
  if (problem !== undefined) return fail('malformed', `the plan of the transcript is not sound: ${problem}`, { line: 1 });
  return plan;
}

/** The lines after the first, one after the other. */
class Walk {
  readonly exceptions: RecordedException[] = [];
  readonly #plan: Plan<never>;
  readonly #known = new Map<string, Facts>();
  readonly #signers: (Person & { readonly key: string })[];
  readonly #signed = new Map<string, number>();
  /** Whose signature must come before anything else happens. */
  #awaited = new Set<string>();
  #ended = false;

  constructor(plan: Plan<never>) {
    this.#plan = plan;
    this.#signers = plan.people === undefined ? [] : signersOf(plan.people);
  }

  take(line: Line): void {
    if (line.step === SIGNATURE) return this.#signature(line);
    if (this.#ended) fail('malformed', 'after the end of a ceremony there are only signatures', { line: line.sequence });
    if (line.step === EXCEPTION) return this.#exception(line);
    const [missing] = this.#awaited;
    if (missing !== undefined) fail('not-signed', `${missing} did not sign before this line`, { line: line.sequence });
    if (line.step === END) this.#end(line);
    else this.#step(line);
  }

  finish(): ReadonlyMap<string, Facts> {
    const [missing] = this.#awaited;
    if (missing !== undefined) fail('not-signed', `${missing} did not sign the end of the ceremony`);
    return this.#known;
  }

  signers(): Verified['signers'] {
    return this.#signers.map((signer) => ({ ...signer, signatures: this.#signed.get(signer.name) ?? 0 }));
  }

  #step(line: Line): void {
    const { step: id, sequence, role, facts } = line;
    const step: Step<never> | undefined = this.#plan.steps.find((one) => one.id === id);
    if (step === undefined || this.#known.has(id) || step.role !== role)
      return fail('malformed', 'a line of the transcript is no step of the plan, or one that was there already', {
        line: sequence,
        step: id,
      });
    const missing = step.before.find((earlier) => !this.#known.has(earlier));
    if (missing !== undefined) fail('malformed', 'a step was done before one that it waits for', { line: sequence, missing });
    this.#confirmed(step, line);
    const excused = this.exceptions.filter(({ about, must }) => about === id && must !== undefined).map(({ must }) => String(must));
    checkStep(step, facts, this.#known, new Set(excused));
    this.#known.set(id, facts);
    if (step.sign) this.#await();
  }

  /** Everyone who had to confirm or compare did, and nobody else is named. */
  #confirmed({ id, confirm = [], aloud = [] }: Step<never>, { sequence, who = [] }: Line): void {
    const roles: Role[] = [...confirm.map(({ by }) => by), ...(aloud.length > 0 ? (['observer'] as const) : [])];
    const { people } = this.#plan;
    const expected = people === undefined ? [] : roles.flatMap((role) => peopleOf(people, role)).map(({ name }) => name);
    const absent = expected.find((name) => !who.includes(name));
    if (absent !== undefined) fail('malformed', `${absent} did not confirm a step`, { line: sequence, step: id });
    const stranger = who.find((name) => !expected.includes(name));
    if (stranger !== undefined) fail('malformed', `${stranger} confirmed a step without having to`, { line: sequence, step: id });
  }

  #exception({ sequence, role, who = [], facts }: Line): void {
    const { about, text, must } = facts;
    const [name = ''] = who;
    const { people } = this.#plan;
    const known = people !== undefined && peopleOf(people, role).some((person) => person.name === name);
    if (!known || typeof about !== 'string' || typeof text !== 'string' || text.trim() === '')
      return fail('malformed', 'an exception without someone in the room who answers for it, or without its reason', { line: sequence });
    this.exceptions.push({ line: sequence, by: { role, name }, about, text, ...(typeof must === 'string' && { must }) });
  }

  #signature({ sequence, previous, time, role, who = [], found, facts }: Line): void {
    const [name = ''] = who;
    const signer = this.#signers.find((one) => one.role === role && one.name === name && one.key === facts['key']);
    if (signer === undefined || found || who.length !== 1)
      return fail('not-signed', 'a signature of someone who does not sign this ceremony, or by another key', { line: sequence, name });
    const bytes = bytesToSign({ sequence, previous, time, role, name });
    if (!isSignedBy(signer.key, bytes, fromBase64url(String(facts['signature']))))
      fail('not-signed', `the signature of ${name} does not verify`, { line: sequence });
    this.#signed.set(name, (this.#signed.get(name) ?? 0) + 1);
    this.#awaited.delete(name);
  }

  #end({ sequence, facts }: Line): void {
    const left = this.#plan.steps.find(({ id }) => !this.#known.has(id));
    if (left !== undefined) fail('malformed', 'a step of the plan is not in the transcript', { step: left.id });
    if (facts['steps'] !== this.#plan.steps.length) fail('malformed', 'the end counts other steps than the plan has', { line: sequence });
    this.#ended = true;
    this.#await();
  }

  #await(): void {
    this.#awaited = new Set(this.#signers.map(({ name }) => name));
  }
}
