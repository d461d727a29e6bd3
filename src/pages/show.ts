/** A report as elements of the page: outcome, every check with what it means and does not prove, and what none of it proves. */
import { meaningOf } from '../audit/meaning.ts';
import { type Finding, OUTCOMES, type Report, type Result } from '../audit/report.ts';

/** Colours say nothing that the word does not. */
const WORDS: Readonly<Record<Result, string>> = {
  good: 'good',
  noted: 'to be known',
  stale: 'STALE',
  unknown: 'COULD NOT TELL',
  bad: 'BAD',
};

function element(name: string, text = '', ...children: readonly Node[]): HTMLElement {
  const made = document.createElement(name);
  made.append(text, ...children);
  return made;
}

function coloured(made: HTMLElement, result: Result): HTMLElement {
  made.className = result === 'good' ? 'good' : result === 'bad' ? 'bad' : '';
  return made;
}

function showFinding({ name, result, words, evidence }: Finding): HTMLElement {
  const facts = Object.entries(evidence).map(([key, value]) => `${key}: ${value}`);
  const meaning = meaningOf(name);
  return element(
    'li',
    '',
    element('h3', `${name}: `, coloured(element('span', WORDS[result]), result)),
    element('p', words),
    ...(facts.length === 0 ? [] : [element('p', '', element('code', facts.join(', ')))]),
    ...(meaning === undefined
      ? []
      : [element('p', `What it means: ${meaning.means}`), element('p', `What it does not prove: ${meaning.provesNot}`)]),
  );
}

export function showReport({ outcome, findings, doesNotProve }: Report): void {
  const results = document.getElementById('results') as HTMLElement;
  const headline = coloured(element('p', OUTCOMES[outcome]), outcome);
  headline.id = 'outcome';
  headline.dataset['outcome'] = outcome;
  results.replaceChildren(
    element('h2', 'Result'),
    headline,
    element('h2', 'What was looked at'),
    element('ul', '', ...findings.map(showFinding)),
    element('h2', 'What none of this proves'),
    element('ul', '', ...doesNotProve.map((one) => element('li', one))),
  );
}
