/**
 * Performs a plan for real. For each step: confirm, read back, do it if it is not there, read back again, check what must be
 * true, read aloud, record, sign. So a step that is recorded is never done again, and one that was interrupted between doing
 * and recording is found by reading back, and recorded as found. A step that is half done refuses in `do` or `readBack`:
 * nothing is ever replaced.
 */
import { assert, fail, HoldfastError } from '../base/errors.ts';
import { assertSound } from './lint.ts';
import { type Facts, type Known, type Plan, planDigest, type Step } from './plan.ts';
import type { Proceedings } from './proceedings.ts';
import { BEGIN, END, EXCEPTION, SIGNATURE, TRANSCRIPT_TYPE, type Transcript } from './transcript.ts';

export interface Progress {
  readonly step: string;
  readonly title: string;
  readonly instructions?: string | undefined;
  /** What was read back, and what holds of it; of a step that was recorded now. */
  readonly recorded?: { readonly facts: Facts; readonly held: readonly string[] };
  /** `begun` is told only where steps are performed one after the other. `kept`: recorded earlier. `found`: done earlier, recorded now. */
  readonly how: 'begun' | 'done' | 'found' | 'kept';
  readonly number: number;
  readonly steps: number;
}

export interface Performance {
  readonly report?: (progress: Progress) => void;
  /** The people in the room, of a plan that has some: steps are then performed one after the other. */
  readonly proceedings?: Proceedings;
  /** One after the other also without people: a dry run tells what each does. */
  readonly oneByOne?: boolean;
}

/** Steps of lines that are about the ceremony, not of the plan. */
const ASIDE: ReadonlySet<string> = new Set([BEGIN, END, EXCEPTION, SIGNATURE]);

/** The facts of the steps that are recorded. */
function knownOf({ lines }: Pick<Transcript, 'lines'>): Map<string, Facts> {
  return new Map(lines.filter(({ step }) => !ASIDE.has(step)).map(({ step, facts }) => [step, facts]));
}

/**
 * Steps run side by side as far as their `before` lets them, where nobody is in the room. When one fails, those that wait for it
 * are not begun, and the first failure is thrown once all others have ended.
 *
 * @throws `configuration` when the transcript is one of another plan; `alarm` when a condition does not hold after a step;
 * `not-confirmed`
 */
export async function perform<Site>(plan: Plan<Site>, site: Site, transcript: Transcript, how: Performance = {}): Promise<Known> {
  const { report = () => undefined, proceedings, oneByOne = proceedings !== undefined } = how;
  assertSound(plan);
  assert((plan.people === undefined) === (proceedings === undefined), 'a plan with people is performed with them');
  begin(plan, transcript);
  if (transcript.lines.length > 1) await proceedings?.resume();
  const known = knownOf(transcript);
  let number = 0;
  const one = async (step: Step<Site>): Promise<void> => {
    const about = { step: step.id, title: step.title, instructions: step.how, steps: plan.steps.length };
    if (oneByOne) report({ ...about, how: 'begun', number });
    const end = known.has(step.id) ? { how: 'kept' as const } : await performStep(step, site, transcript, known, proceedings);
    number += 1;
    report({ ...about, ...end, number });
    if (step.sign) await proceedings?.sign(step.id);
  };
  if (oneByOne) for (const step of plan.steps) await one(step);
  else await sideBySide(plan, one);
  if (transcript.lines.every(({ step }) => step !== END))
    transcript.append({ step: END, role: 'operator', facts: { steps: plan.steps.length } });
  await proceedings?.sign(END);
  return known;
}

async function sideBySide<Site>(plan: Plan<Site>, one: (step: Step<Site>) => Promise<void>): Promise<void> {
  const running = new Map<string, Promise<void>>();
  for (const step of plan.steps) {
    const earlier = step.before.map((id) => running.get(id));
    running.set(
      step.id,
      Promise.all(earlier).then(() => one(step)),
    );
  }
  const ended = await Promise.allSettled(running.values());
  const failed = ended.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function begin<Site>(plan: Plan<Site>, transcript: Transcript): void {
  const said = { format: TRANSCRIPT_TYPE, plan: plan.name, digest: planDigest(plan), parameters: plan.parameters };
  const [first] = transcript.lines;
  if (first === undefined) transcript.append({ step: BEGIN, role: 'operator', facts: said });
  else if (first.step !== BEGIN || JSON.stringify(first.facts) !== JSON.stringify(said))
    fail('configuration', 'this folder holds the transcript of another plan: begin in an empty folder', { plan: plan.name });
}

async function performStep<Site>(
  step: Step<Site>,
  site: Site,
  transcript: Transcript,
  known: Map<string, Facts>,
  proceedings: Proceedings | undefined,
): Promise<Pick<Progress, 'how' | 'recorded'>> {
  try {
    const who = new Set<string>();
    for (const { by, statement } of step.confirm ?? []) {
      for (const name of (await proceedings?.confirm(by, statement, step.id)) ?? []) who.add(name);
    }
    const there = step.do && (await step.readBack(site, known));
    if (there === undefined) await step.do?.(site, known);
    const facts = there ?? (await step.readBack(site, known));
    if (facts === undefined) return fail('alarm', 'nothing was there after the step');
    await excuseOrStop(step, facts, known, proceedings);
    for (const { what, digest } of step.aloud ?? []) {
      for (const name of (await proceedings?.aloud(what, digest(facts), step.id)) ?? []) who.add(name);
    }
    const found = there !== undefined;
    transcript.append({ step: step.id, role: step.role, who: [...who], found, facts });
    known.set(step.id, facts);
    const held = step.after.filter(({ holds }) => holds(facts, known)).map(({ must }) => must);
    return { how: found ? 'found' : 'done', recorded: { facts, held } };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw new HoldfastError(error.code, `${step.id}: ${error.message}`, error.evidence, error);
  }
}

/** @throws `alarm` naming the condition that does not hold, and that nobody answers for */
async function excuseOrStop<Site>(step: Step<Site>, facts: Facts, known: Known, proceedings: Proceedings | undefined): Promise<void> {
  const excused = new Set<string>();
  for (const { must } of brokenOf(step, facts, known).filter(({ excusable }) => excusable)) {
    if (await proceedings?.excuse(`${step.id}: this must be true and is not: ${must}`, step.id, must)) excused.add(must);
  }
  checkStep(step, facts, known, excused);
}

const brokenOf = <Site>({ after }: Step<Site>, facts: Facts, known: Known) => after.filter(({ holds }) => !holds(facts, known));

/**
 * @param excused what an exception is on record for
 * @throws `alarm` naming the condition that does not hold
 */
export function checkStep<Site>(step: Step<Site>, facts: Facts, known: Known, excused: ReadonlySet<string> = new Set()): void {
  const [broken] = brokenOf(step, facts, known).filter(({ must, excusable }) => !(excusable && excused.has(must)));
  if (broken !== undefined) fail('alarm', `this must be true after the step, and is not: ${broken.must}`, { step: step.id });
}
