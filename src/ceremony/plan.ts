/**
 * A ceremony as data (docs/design.md, "Ceremony"): steps with roles, what must be done before, and what must be true after.
 * Performed by perform.ts, printed by `describePlan` (dry run), checked again from its transcript by verify.ts; so a step's
 * conditions are pure functions of what was read back, and hold for whoever has the transcript only.
 */
import { type Id, utf8 } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';
import { hash } from '../wire/signed.ts';

/** Who performs a step. */
export type Role = 'operator' | 'observer';

export type Fact = string | number | boolean | readonly Fact[] | Facts;
/** What a step read back, as the transcript holds it. Never a PIN, never a secret. */
export interface Facts {
  readonly [name: string]: Fact;
}

/** The facts of steps that are recorded, by step id. */
export type Known = ReadonlyMap<string, Facts>;

export interface Condition {
  /** In words, for the dry run and for the message when it does not hold. */
  readonly must: string;
  readonly holds: (facts: Facts, known: Known) => boolean;
}

/** @typeParam Site what the steps act upon: folders, tokens. */
export interface Step<Site> {
  /** Unique in its plan. */
  readonly id: string;
  readonly role: Role;
  readonly title: string;
  /** Ids of the steps that must be recorded before this one. Steps that do not wait for each other may run side by side. */
  readonly before: readonly string[];
  /** Absent in a step that only looks. */
  readonly do?: (site: Site, known: Known) => Promise<void>;
  /** What is really there, or nothing when the step was not done. Changes nothing. */
  readonly readBack: (site: Site, known: Known) => Promise<Facts | undefined>;
  readonly after: readonly Condition[];
}

export interface Plan<Site> {
  readonly name: string;
  readonly title: string;
  /** Every choice that was made before it began, so that the plan can be made again from its transcript. */
  readonly parameters: Facts;
  readonly steps: readonly Step<Site>[];
}

/** What would happen, for reading aloud before a ceremony and for a golden file. */
export function describePlan(plan: Plan<never>): string {
  const lines = [plan.title, '', `plan: ${plan.name}`];
  for (const [name, value] of Object.entries(plan.parameters)) lines.push(`${name}: ${JSON.stringify(value)}`);
  for (const [i, step] of plan.steps.entries()) {
    lines.push('', `${i + 1}. ${step.id} (${step.role}): ${step.title}`);
    if (step.before.length > 0) lines.push(`   only after ${step.before.join(', ')}`);
    for (const { must } of step.after) lines.push(`   - then ${must}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Names a plan exactly: a transcript of one plan is never continued by another. */
export function planDigest(plan: Plan<never>): Id {
  return hash(utf8(describePlan(plan)));
}

/** @throws a bug: ids twice, or a step that waits for one that is not before it in the list. */
export function assertWellOrdered(plan: Plan<never>): void {
  const seen = new Set<string>();
  for (const { id, before } of plan.steps) {
    assert(!seen.has(id), `two steps are called ${id}`);
    for (const earlier of before) assert(seen.has(earlier), `${id} waits for ${earlier}, which is not before it`);
    seen.add(id);
  }
}
