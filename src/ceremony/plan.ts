/**
 * A ceremony as data (docs/ceremony.md): steps with roles, what must be done before, and what must be true after. Performed
 * by perform.ts, linted by lint.ts, printed by `describePlan` and script.ts, checked again from its transcript by verify.ts;
 * so a step's conditions are pure functions of what was read back, and hold for whoever has the transcript only.
 */
import { type Id, utf8 } from '../base/bytes.ts';
import { hash } from '../wire/signed.ts';
import type { People, Role } from './people.ts';

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
  /** The room may go on although it does not hold, with an exception on record that says why. */
  readonly excusable?: true;
}

/** What somebody says before a step is done, and is asked to confirm. */
export interface Confirmation {
  /** Everyone of this role. */
  readonly by: Role;
  readonly statement: string;
}

/** A digest that the operator reads aloud as words, and that every observer compares. */
export interface Aloud {
  readonly what: string;
  readonly digest: (facts: Facts) => Id;
}

/** @typeParam Site what the steps act upon: folders, tokens. */
export interface Step<Site> {
  /** Unique in its plan. */
  readonly id: string;
  readonly role: Role;
  readonly title: string;
  /** What people do in it besides confirming, for the script and the screen. */
  readonly how?: string;
  /** Ids of the steps that must be recorded before this one. Without people in the room, steps that do not wait for each other run side by side. */
  readonly before: readonly string[];
  readonly confirm?: readonly Confirmation[];
  /** What comes into being: "node-1: holdfast-identity", "fleet-entry.json". No two steps of a plan make the same. */
  readonly makes?: readonly string[];
  /** Tokens on which it tries what must be refused. */
  readonly tries?: string;
  /** Absent in a step that only looks. */
  readonly do?: (site: Site, known: Known) => Promise<void>;
  /** What is really there, or nothing when the step was not done. Changes nothing. */
  readonly readBack: (site: Site, known: Known) => Promise<Facts | undefined>;
  readonly after: readonly Condition[];
  readonly aloud?: readonly Aloud[];
  /** Operator and observers sign the transcript up to here. They always do at its end. */
  readonly sign?: true;
}

export interface Plan<Site> {
  readonly name: string;
  readonly title: string;
  /** Who is in the room. Absent in a plan for development, which a program performs by itself and nobody signs. */
  readonly people?: People;
  /** Every choice that was made before it began, so that the plan can be made again from its transcript. */
  readonly parameters: Facts;
  readonly steps: readonly Step<Site>[];
  /** What is done with what it gave, file by file. */
  readonly afterwards?: readonly string[];
}

/** What would happen, for reading before a ceremony and for a golden file. */
export function describePlan(plan: Plan<never>, acts: ReadonlyMap<string, readonly string[]> = new Map()): string {
  const lines = [plan.title, '', `plan: ${plan.name}`];
  for (const [name, value] of Object.entries(plan.parameters)) lines.push(`${name}: ${JSON.stringify(value)}`);
  for (const [i, step] of plan.steps.entries()) {
    lines.push('', `${i + 1}. ${step.id} (${step.role}): ${step.title}`);
    if (step.before.length > 0) lines.push(`   only after ${step.before.join(', ')}`);
    for (const { by, statement } of step.confirm ?? []) lines.push(`   - ${by} confirms: ${statement}`);
    for (const act of acts.get(step.id) ?? []) lines.push(`     > ${act}`);
    for (const { must, excusable } of step.after) lines.push(`   - then ${must}${excusable ? ' (or an exception says why not)' : ''}`);
    for (const { what } of step.aloud ?? []) lines.push(`   - read aloud and compared: ${what}`);
    if (step.sign) lines.push('   - operator and observers sign');
  }
  return `${lines.join('\n')}\n`;
}

/** Names a plan exactly: a transcript of one plan is never continued by another. */
export function planDigest(plan: Plan<never>): Id {
  return hash(utf8(describePlan(plan)));
}
