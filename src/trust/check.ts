/**
 * The client's checks by name and in order (docs/transparency.md, "Rules"), and the sheet on which their results are kept: one
 * each, none left out, so that what was not checked is as plain to see as what failed. People read the words, programs the rest.
 */
import { type Evidence, HoldfastError } from '../base/errors.ts';

export const checkNames = [
  'bundle-form',
  'roots',
  'entry-form',
  'namespace',
  'release',
  'nodes',
  'inclusion',
  'witness',
  'operator',
  'third-parties',
  'sequence',
  'log-forward',
  'validity',
  'freshness',
  'fleet',
  'spread',
  'simulated',
] as const;
export type CheckName = (typeof checkNames)[number];

/** Those that say whose keys these are; a recovery needs them, and is told of the others as warnings. */
export const recoverNeeds: readonly CheckName[] = [
  'bundle-form',
  'roots',
  'entry-form',
  'namespace',
  'release',
  'nodes',
  'inclusion',
  'witness',
  'operator',
  'third-parties',
  'fleet',
  'simulated',
];

/**
 * `failed`: do not use these keys. `warning`: does not hold, or holds with something to know, and is not needed for what the
 * client is about to do. `skipped`: could not be asked, because a check before it did not pass; never good news.
 */
export type CheckResult = 'passed' | 'failed' | 'warning' | 'skipped';

export interface Check {
  readonly name: CheckName;
  readonly result: CheckResult;
  /** One plain sentence. */
  readonly words: string;
  readonly evidence: Evidence;
}

/** What a check found in order, and what later checks go on with. */
export interface Passed<T> {
  readonly value: T;
  readonly words: string;
  readonly evidence?: Evidence;
  /** In order, and yet something to know. */
  readonly warning?: true;
}

export class Sheet {
  readonly checks: Check[] = [];
  readonly #needed: (name: CheckName) => boolean;

  /** @param needed whether what fails here fails the bundle, or is told as a warning */
  constructor(needed: (name: CheckName) => boolean) {
    this.#needed = needed;
  }

  /**
   * Runs one check on what those before it gave; where one of them gave nothing, it is skipped.
   * @param body throws a HoldfastError when the check does not hold: its message are the words
   */
  check<const N extends readonly unknown[], T>(
    name: CheckName,
    needs: { readonly [K in keyof N]: N[K] | undefined },
    body: (...needs: N) => Passed<T>,
  ): T | undefined {
    if (needs.some((one) => one === undefined)) {
      this.#note(name, 'skipped', 'Not checked: what it rests on did not pass.', {});
      return undefined;
    }
    try {
      const { value, words, evidence = {}, warning } = body(...(needs as unknown as N));
      this.#note(name, warning === true ? 'warning' : 'passed', words, evidence);
      return value;
    } catch (error) {
      // Anything else is a bug of ours, and must not read as a verdict.
      if (!(error instanceof HoldfastError)) throw error;
      this.#note(name, this.#needed(name) ? 'failed' : 'warning', sentence(error.message), error.evidence);
      return undefined;
    }
  }

  #note(name: CheckName, result: CheckResult, words: string, evidence: Evidence): void {
    this.checks.push({ name, result, words, evidence });
  }

  /** Nothing that is needed failed, or was not asked. */
  get trusted(): boolean {
    return this.checks.every(
      ({ name, result }) => result === 'passed' || result === 'warning' || (result === 'skipped' && !this.#needed(name)),
    );
  }

  resultOf(name: CheckName): CheckResult | undefined {
    return this.checks.find((one) => one.name === name)?.result;
  }
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
