/** One part of the seeds as a test: the laws hold, and nothing of what should be tried was missed. */
import { expect, test } from 'vitest';
import { PARTS } from './plan.ts';
import { runPart, SEEDS, spell } from './run.ts';

/** What a quarter of a thousand seeds must have met, each at least once: a simulator that meets no fault finds none. */
const MET = [
  ...['lost', 'duplicated', 'reordered', 'held back', 'stopped by a partition'].map((what) => `message ${what}`),
  ...['load', 'commit', 'save', 'open', 'evaluate', 'sign', 'seen', 'saw', 'reply'].map((at) => `killed before ${at}`),
  ...['recall', 'keep', 'request', 'call', 'deal', 'blind', 'open'].map((at) => `device switched off before ${at}`),
  ...['disk restored', 'token of class host restored', 'node stopped', 'adversary cuts the network', 'rolled back unnoticed'],
  ...['rejoined', 'rolled-back', 'undecided'].map((verdict) => `member ${verdict}`),
  ...['repeat', 'burn', 'redeem', 'mix', 'swap', 'guess', 'announce', 'forge', 'roll back', 'forget success'].map(
    (act) => `adversary: ${act}`,
  ),
  ...[
    'drop',
    'forget answers',
    'swap names',
    'old status',
    'false refusals',
    'old standing',
    'hide votes',
    'hold',
    'other element',
    'strip shares',
  ].map((lie) => `coordinator: ${lie}`),
  ...['status', 'register-vote', 'attempt-vote', 'answer', 'confirm', 'lock', 'hello'].flatMap((ask) =>
    ['sign', 'inflate', 'deflate'].map((trick) => `compromised: ${trick} ${ask}`),
  ),
  ...['power cut', 'rolling restart', 'start lost', 'node lost for good', 'member start-lost', 'ending: all vote again'],
  ...['owner objects', 'lock stated', 'shares erased', 'ending: owner recovers', 'ending: stranger recovers', 'ending: locked'],
];

export function testPart(part: number): void {
  test(`the laws hold over ${SEEDS} seeds, part ${part + 1} of ${PARTS}`, () => {
    const tally = runPart(part);
    process.stdout.write(`what the seeds of part ${part + 1} met\n${spell(tally)}\n`);
    // Fewer seeds, asked for by hand, may miss some.
    if (SEEDS >= 1000) expect(MET.filter((what) => !tally.has(what))).toEqual([]);
  }, 1_800_000);
}
