/** An audit's report on the terminal or as JSON, and its exit code: these commands have codes of their own. */
import { styleText } from 'node:util';
import { meaningOf } from '../../audit/meaning.ts';
import { type Finding, OUTCOMES, type Outcome, type Report, type Result } from '../../audit/report.ts';
import { type Colour, print, printJson } from '../report.ts';
import { plainLine } from '../told.ts';

const EXITS: Readonly<Record<Outcome, number>> = { good: 0, bad: 1, unknown: 2, stale: 3 };

export const AUDIT_EXIT_CODES = `Exit codes of this command:
  0  good: everything that was looked at holds
  1  bad: something does not hold
  2  could not tell: something did not answer or was not given (or wrong usage)
  3  stale: it was right once, and says nothing of today`;

const SHOWN: Readonly<Record<Result, { readonly word: string; readonly colour: Colour }>> = {
  good: { word: 'good', colour: 'green' },
  noted: { word: 'note', colour: 'yellow' },
  stale: { word: 'STALE', colour: 'yellow' },
  unknown: { word: 'UNKNOWN', colour: 'yellow' },
  bad: { word: 'BAD', colour: 'red' },
};

interface Showing {
  readonly json?: true | undefined;
  readonly explain?: true | undefined;
}

/** @param more what only JSON tells */
export function showReport(report: Report, { json, explain }: Showing, more: object = {}): void {
  const exitCode = EXITS[report.outcome];
  process.exitCode = exitCode;
  if (json) {
    const findings = report.findings.map((one) => ({ ...one, ...meaningOf(one.name) }));
    return printJson({ ...report, exitCode, findings, ...more });
  }
  const wide = Math.max(...report.findings.map(({ name }) => name.length));
  for (const one of report.findings) {
    print(lineOf(one, wide));
    const meaning = explain && meaningOf(one.name);
    if (meaning) print(`         Means: ${meaning.means}\n         Does not prove: ${meaning.provesNot}\n`);
  }
  print(`\n${OUTCOMES[report.outcome]}\n\nThis does not prove:`);
  for (const what of report.doesNotProve) print(`  - ${what}`);
}

function lineOf({ name, result, words, evidence }: Finding, wide: number): string {
  const { word, colour } = SHOWN[result];
  const facts = Object.entries(evidence).map(([key, value]) => `${key}: ${value}`);
  // Who reads that all is well needs no digests; who reads that it is not needs them.
  const why = result === 'good' || facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  return `${styleText(colour, word.padEnd(8), { stream: process.stdout })} ${plainLine(`${name.padEnd(wide)}  ${words}${why}`)}`;
}
