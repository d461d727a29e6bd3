/**
 * What a plan must have before anyone performs it, found without performing it. A plan that does not pass is a bug of whoever
 * wrote it, or of parameters that should have been refused: nothing runs.
 */
import { assert } from '../base/errors.ts';
import { peopleOf } from './people.ts';
import type { Plan, Step } from './plan.ts';

/** What the conditions after a key's making must name: each can be told wrong only by the device itself. */
const READ_BACK = [
  'CKA_LOCAL',
  'CKA_SENSITIVE',
  'CKA_ALWAYS_SENSITIVE',
  'CKA_NEVER_EXTRACTABLE',
  'CKA_EXTRACTABLE',
  'CKA_MODIFIABLE',
  'CKA_COPYABLE',
  'CKA_DESTROYABLE',
  'CKA_ALLOWED_MECHANISMS',
] as const;

/** "node-1: holdfast-identity": what is made in a token. */
export const keyIn = (token: string, label: string): string => `${token}: ${label}`;
const tokenOf = (made: string): string | undefined => /^(.+): holdfast-/.exec(made)?.[1];

/** Nothing when the plan is sound. */
export function lintPlan(plan: Plan<never>): string[] {
  const steps: readonly Step<never>[] = plan.steps;
  return [...orderProblems(steps), ...steps.flatMap((step) => stepProblems(step, plan)), ...makingProblems(steps)];
}

/** @throws a bug, with all problems */
export function assertSound(plan: Plan<never>): void {
  const problems = lintPlan(plan);
  assert(problems.length === 0, `the plan ${plan.name} is not sound: ${problems.join('; ')}`);
}

function orderProblems(steps: readonly Step<never>[]): string[] {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const { id, before } of steps) {
    if (seen.has(id)) problems.push(`two steps are called ${id}`);
    for (const earlier of before) if (!seen.has(earlier)) problems.push(`${id} waits for ${earlier}, which is not before it`);
    seen.add(id);
  }
  return problems;
}

function stepProblems({ id, role, title, after, confirm = [], do: act, aloud = [], sign }: Step<never>, { people }: Plan<never>): string[] {
  const problems: string[] = [];
  if (title === '') problems.push(`${id} does not say what it does`);
  if (after.length === 0) problems.push(`${id} has nothing that must be true after it`);
  if (act !== undefined && after.every(({ excusable }) => excusable))
    problems.push(`${id} makes something, and an exception could excuse all of it`);
  const asked = [role, ...confirm.map(({ by }) => by)];
  if (people !== undefined)
    for (const one of asked) if (peopleOf(people, one).length === 0) problems.push(`${id} wants a ${one}, and nobody is one`);
  if (people === undefined && (confirm.length > 0 || aloud.length > 0 || sign)) problems.push(`${id} wants people, and the plan has none`);
  return problems;
}

/** Nothing twice; every key read back in full; every token with keys tried. */
function makingProblems(steps: readonly Step<never>[]): string[] {
  const problems: string[] = [];
  const made = new Map<string, Step<never>>();
  for (const step of steps) {
    for (const thing of step.makes ?? []) {
      const before = made.get(thing);
      if (before !== undefined) problems.push(`${step.id} makes ${thing}, which ${before.id} makes`);
      made.set(thing, step);
    }
  }
  for (const [thing, step] of made) {
    const token = tokenOf(thing);
    if (token === undefined) continue;
    const said = step.after.map(({ must }) => must).join(' ');
    const missing = READ_BACK.filter((attribute) => !new RegExp(`\\b${attribute}\\b`).test(said));
    if (missing.length > 0) problems.push(`${step.id} makes ${thing} and does not read back ${missing.join(', ')}`);
    const trial = steps.find(({ tries }) => tries === token);
    if (trial === undefined) problems.push(`nobody tries what ${token} must refuse`);
    else if (!waitsFor(trial, step.id, steps)) problems.push(`${trial.id} does not wait for ${step.id}`);
  }
  return problems;
}

function waitsFor({ before }: Step<never>, id: string, steps: readonly Step<never>[]): boolean {
  return before.some((earlier) => {
    const step = steps.find((one) => one.id === earlier);
    return earlier === id || (step !== undefined && waitsFor(step, id, steps));
  });
}
