/** A step of a ceremony as the people in the room see it: what was found is told condition by condition, as the script has boxes for it. */
import type { Progress } from '../../ceremony/perform.ts';
import type { Fact, Facts } from '../../ceremony/plan.ts';
import { say } from '../report.ts';

/** Of a fact: longer ones are for the transcript. */
const SHOWN_MAX = 100;
const END = { kept: 'on record already', found: 'found done, and on record now', done: 'done, and on record' } as const;

export function showStep({ number, steps, title, how, instructions, recorded }: Progress): void {
  if (how === 'begun') {
    say(`\n=== Step ${number + 1} of ${steps}: ${title}`);
    if (instructions !== undefined) say(`    ${instructions}`);
    return;
  }
  if (recorded !== undefined) {
    for (const must of recorded.held) say(`    found: ${must}`);
    for (const fact of shown(recorded.facts)) say(`    ${fact}`);
  }
  say(`    ${END[how]}`);
}

/** Short ones only. */
function shown(facts: Facts): string[] {
  return Object.entries(facts).flatMap(([name, fact]) => {
    const spelled = spell(fact);
    return spelled === undefined || spelled.length > SHOWN_MAX || spelled.includes('\n') ? [] : [`${name}: ${spelled}`];
  });
}

function spell(fact: Fact): string | undefined {
  if (Array.isArray(fact)) return fact.length === 0 ? 'none' : fact.map(String).join(', ');
  return typeof fact === 'object' ? undefined : String(fact) || 'not told';
}
