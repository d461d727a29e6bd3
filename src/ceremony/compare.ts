/** What is published against what follows from a transcript: the first member that differs is named, so that a key is. */
import { fail } from '../base/errors.ts';
import type { Outcome } from './kind.ts';

/** @throws `alarm` */
export function compareOutcome({ files }: Outcome, published: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(published)) {
    const derived = files[file];
    if (derived === undefined) fail('alarm', `nothing called ${file} follows from the transcript`);
    if (derived.trimEnd() === text.trimEnd()) continue;
    const [where, follows, stands] = firstDifference(parse(derived), parse(text));
    fail('alarm', `${file} is not what follows from the transcript: ${where}`, { follows, published: stands });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isPlain = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const said = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 120));

function firstDifference(a: unknown, b: unknown, path = ''): [where: string, a: string, b: string] {
  if (isPlain(a) && isPlain(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (JSON.stringify(a[name]) !== JSON.stringify(b[name]))
        return firstDifference(a[name], b[name], path === '' ? name : `${path}.${name}`);
    }
  }
  return [path || 'the text', said(a), said(b)];
}
