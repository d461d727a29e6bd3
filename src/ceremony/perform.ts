/**
 * Performs a plan for real. For each step: read back, do it if it is not there, read back again, check what must be true,
 * record. So a step that is recorded is never done again, and one that was interrupted between doing and recording is found
 * by reading back, and recorded as found. A step that is half done refuses in `do` or `readBack`: nothing is ever replaced.
 */
import { fail, HoldfastError } from '../base/errors.ts';
import { assertWellOrdered, type Facts, type Known, type Plan, planDigest, type Step } from './plan.ts';
import { BEGIN, END, type Transcript } from './transcript.ts';

export interface Progress {
  readonly step: string;
  readonly title: string;
  /** `kept`: recorded earlier. `found`: done earlier, recorded now. */
  readonly how: 'done' | 'found' | 'kept';
  readonly number: number;
  readonly steps: number;
}

/**
 * Steps run side by side as far as their `before` lets them. When one fails, those that wait for it are not begun, and the
 * first failure is thrown once all others have ended.
 *
 * @throws `configuration` when the transcript is one of another plan; `alarm` when a condition does not hold after a step
 */
export async function perform<Site>(
  plan: Plan<Site>,
  site: Site,
  transcript: Transcript,
  report: (progress: Progress) => void = () => undefined,
): Promise<Known> {
  assertWellOrdered(plan);
  begin(plan, transcript);
  const known = new Map<string, Facts>(transcript.lines.map((line) => [line.step, line.facts]));
  let number = 0;
  const one = async (step: Step<Site>): Promise<void> => {
    const how = known.has(step.id) ? 'kept' : await performStep(step, site, transcript, known);
    number += 1;
    report({ step: step.id, title: step.title, how, number, steps: plan.steps.length });
  };
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
  if (!known.has(END)) transcript.append(END, 'operator', { steps: plan.steps.length });
  return known;
}

function begin<Site>(plan: Plan<Site>, transcript: Transcript): void {
  const said = { plan: plan.name, digest: planDigest(plan), parameters: plan.parameters };
  const [first] = transcript.lines;
  if (first === undefined) transcript.append(BEGIN, 'operator', said);
  else if (first.step !== BEGIN || JSON.stringify(first.facts) !== JSON.stringify(said))
    fail('configuration', 'this folder holds the transcript of another plan: begin in an empty folder', { plan: plan.name });
}

async function performStep<Site>(
  step: Step<Site>,
  site: Site,
  transcript: Transcript,
  known: Map<string, Facts>,
): Promise<'done' | 'found'> {
  try {
    const there = step.do && (await step.readBack(site, known));
    if (there === undefined) await step.do?.(site, known);
    const facts = there ?? (await step.readBack(site, known));
    if (facts === undefined) return fail('alarm', 'nothing was there after the step');
    checkStep(step, facts, known);
    const found = there !== undefined;
    transcript.append(step.id, step.role, facts, found);
    known.set(step.id, facts);
    return found ? 'found' : 'done';
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw new HoldfastError(error.code, `${step.id}: ${error.message}`, error.evidence, error);
  }
}

/** @throws `alarm` naming the condition that does not hold */
export function checkStep<Site>(step: Step<Site>, facts: Facts, known: Known): void {
  const broken = step.after.find(({ holds }) => !holds(facts, known));
  if (broken !== undefined) fail('alarm', `this must be true after the step, and is not: ${broken.must}`, { step: step.id });
}
