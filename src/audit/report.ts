/**
 * What an audit found: one finding for each thing that was looked at, in words and as data, and one outcome of them all. An audit
 * fails closed: what could not be looked at is never good news, and is told apart from what is bad.
 */
import type { Evidence } from '../base/errors.ts';

/**
 * `bad`: does not hold. `unknown`: could not be told, because something did not answer or was not given. `stale`: holds, but says
 * nothing of today. `noted`: neither good nor bad, to be known.
 */
export type Result = 'good' | 'noted' | 'stale' | 'unknown' | 'bad';

export interface Finding {
  readonly name: string;
  readonly result: Result;
  /** Plain sentences. */
  readonly words: string;
  readonly evidence: Evidence;
}

export type Outcome = Exclude<Result, 'noted'>;

export interface Report {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  /** What none of this proves, so that nobody reads more into it. */
  readonly doesNotProve: readonly string[];
}

const WORST: readonly Outcome[] = ['bad', 'unknown', 'stale'];

/** The worst of them; nothing looked at is not good. */
export function reportOf(findings: readonly Finding[], doesNotProve: readonly string[]): Report {
  const outcome = WORST.find((one) => findings.some(({ result }) => result === one)) ?? (findings.length === 0 ? 'unknown' : 'good');
  return { outcome, findings, doesNotProve };
}

export function finding(name: string, result: Result, words: string, evidence: Evidence = {}): Finding {
  return { name, result, words, evidence };
}

export const OUTCOMES: Readonly<Record<Outcome, string>> = {
  good: 'GOOD: everything that was looked at holds.',
  bad: 'BAD: something does not hold. Do not trust these keys with a backup; keep what you have, and tell others.',
  unknown: 'COULD NOT TELL: something did not answer, or was not given. Nothing that was seen is bad.',
  stale: 'STALE: it was right once, and says nothing of today. Look for a newer one.',
};
