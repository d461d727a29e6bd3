/**
 * Checks a finished ceremony from its transcript alone: the chain, that the plan is the one this program makes from those
 * parameters, that every step stands there once and after those it waits for, that every condition holds over what was read
 * back, and the fleet entry that follows. What it cannot see: whether the transcript was made anew as a whole. For that the
 * head's digest must have been written down elsewhere at the ceremony.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type FleetEntry, parseEntry } from '../fleet/entry.ts';
import { checkStep } from './perform.ts';
import { type Facts, type Plan, planDigest } from './plan.ts';
import { deriveEntry } from './plans/derive-entry.ts';
import { DEVELOPMENT_FLEET, developmentFleet } from './plans/development-fleet.ts';
import { readParameters } from './plans/development-parameters.ts';
import { BEGIN, END, type Line, parseTranscript } from './transcript.ts';

export interface Verified {
  readonly plan: string;
  readonly lines: number;
  /** Digest of the last line. */
  readonly head: Id;
  /** Milliseconds since 1970, as the transcript says. */
  readonly begunMs: number;
  readonly endedMs: number;
  /** Steps that were found done: interrupted before they were recorded, or done by someone else before the ceremony. */
  readonly found: readonly string[];
  /** Derived from what was read back. */
  readonly entry: FleetEntry;
}

/**
 * @param published the fleet entry that is in use, to be compared
 * @throws `malformed` naming the line; `alarm` when what was read back does not fulfil the plan or give that entry
 */
export function verifyTranscript(text: string, published?: string): Verified {
  const { lines, head } = parseTranscript(text);
  const [first, ...rest] = lines;
  const last = rest.pop();
  if (first?.step !== BEGIN || last?.step !== END) return fail('malformed', 'the transcript is not that of a finished ceremony');
  const plan = planOf(first);
  const known = checkSteps(plan, rest);
  const entry = deriveEntry(readParameters(plan.parameters), known);
  if (published !== undefined && parseEntry(published).digest !== entry.digest)
    fail('alarm', 'the fleet entry is not the one that follows from the transcript', { derived: entry.digest });
  return {
    plan: plan.name,
    lines: lines.length,
    head,
    begunMs: Date.parse(first.time),
    endedMs: Date.parse(last.time),
    found: rest.filter((line) => line.found).map(({ step }) => step),
    entry,
  };
}

function planOf({ facts }: Line): Plan<never> {
  if (facts['plan'] !== DEVELOPMENT_FLEET) return fail('malformed', 'the transcript is one of a plan that this version does not know');
  const plan = developmentFleet(facts['parameters']);
  if (planDigest(plan) !== facts['digest'])
    fail('malformed', 'the plan of the transcript is not the one this version makes from its parameters', { plan: plan.name });
  return plan;
}

function checkSteps(plan: Plan<never>, lines: readonly Line[]): ReadonlyMap<string, Facts> {
  const known = new Map<string, Facts>();
  for (const { step: id, sequence, role, facts } of lines) {
    const step = plan.steps.find((one) => one.id === id);
    if (step === undefined || known.has(id) || step.role !== role)
      return fail('malformed', 'a line of the transcript is no step of the plan, or one that was there already', { line: sequence });
    const missing = step.before.find((earlier) => !known.has(earlier));
    if (missing !== undefined) fail('malformed', 'a step was done before one that it waits for', { line: sequence, missing });
    checkStep(step, facts, known);
    known.set(id, facts);
  }
  const left = plan.steps.find(({ id }) => !known.has(id));
  return left === undefined ? known : fail('malformed', 'a step of the plan is not in the transcript', { step: left.id });
}
