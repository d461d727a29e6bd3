/**
 * Bundles from several nodes against each other: which verify, which of those is the newest, and whether two of them show that
 * one log has two pasts. Pure; called by learn.ts.
 */
import { idFromBytes } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { parseProof } from '../log/proof.ts';
import { parseBundle } from '../trust/bundle.ts';
import type { Check } from '../trust/check.ts';
import type { Purpose } from '../trust/entry-checks.ts';
import { isNewer, type Rank, rankOf } from '../trust/newer.ts';
import { compareViews, type Seen } from '../trust/seen.ts';
import { parseSignedEntry } from '../trust/signed-entry.ts';
import { requireTrusted, type Trusted, type Verdict, type VerifyOptions, verifyBundle } from '../trust/verify.ts';

/** To recover, and the caller does not know where: the fleet that takes registrations. */
export type LearnPurpose = Purpose | { readonly kind: 'recover'; readonly fleet: 'active' };

export interface Candidate {
  /** An address, or where else it comes from. */
  readonly from: string;
  readonly text: string;
}

export interface Judged extends Candidate {
  readonly verdict: Verdict;
}

/** A bundle that verified, with what it shows of the log. */
export interface Believed extends Judged {
  readonly trusted: Trusted;
  readonly view: Seen;
  readonly rank: Rank;
}

export function judge(candidate: Candidate, options: Omit<VerifyOptions, 'purpose'>, purpose: LearnPurpose): Judged | Believed {
  const verdict = verifyBundle(candidate.text, { ...options, purpose: purposeIn(candidate.text, purpose) });
  if (!verdict.trusted) return { ...candidate, verdict };
  const trusted = requireTrusted(verdict);
  const { entry, roots, bundle } = trusted;
  const { origin, size, root } = openCheckpoint(parseProof(bundle.proof).checkpoint, roots.log);
  const view = { sequence: entry.sequence, digest: entry.digest, origin, size, root: idFromBytes(root), roots: roots.text };
  return { ...candidate, verdict, trusted, view, rank: rankOf(trusted) };
}

/** The entry that is asked for its active fleet is not verified yet: the same entry is, next. */
function purposeIn(text: string, purpose: LearnPurpose): Purpose {
  if (purpose.kind === 'register') return purpose;
  if (purpose.fleet !== 'active') return { kind: 'recover', fleet: purpose.fleet };
  const active = readUnverified(text).entry?.fleets.find(({ state }) => state === 'active');
  return active === undefined ? { kind: 'register' } : { kind: 'recover', fleet: active.fleet.id };
}

/** Nothing of a bundle that does not parse: why it does not, its verdict says. */
export function readUnverified(text: string): { readonly entry?: FleetEntry } {
  try {
    return parseSignedEntry(parseBundle(text).entry);
  } catch (error) {
    if (error instanceof HoldfastError) return {};
    throw error;
  }
}

export function isBelieved(judged: Judged | Believed): judged is Believed {
  return 'trusted' in judged;
}

/** Of equal ones the first. */
export function newestOf(believed: readonly Believed[]): Believed | undefined {
  return believed.reduce<Believed | undefined>((best, one) => (best === undefined || isNewer(one.rank, best.rank) ? one : best), undefined);
}

/** What somebody was shown of the log, and who showed it. */
export interface Shown {
  readonly from: string;
  readonly view: Seen;
}
export type Split = readonly [Shown, Shown];

/**
 * Two views that all signed, and that cannot both be of one log. Attack: operator and witness together show one person other keys
 * than everybody else; whoever sees both views has the proof.
 */
export function splitIn(shown: readonly Shown[]): Split | undefined {
  for (const [i, one] of shown.entries()) {
    const other = shown.slice(i + 1).find((later) => compareViews(one.view, later.view) === 'split');
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

/** The checks that say that a bundle is the latest there is: a key recovered while one of them does not pass encrypts nothing new. */
const CURRENT: readonly Check['name'][] = ['roots', 'sequence', 'log-forward', 'validity', 'freshness'];

export function notCurrent({ checks }: Verdict): readonly Check[] {
  return checks.filter(({ name, result }) => CURRENT.includes(name) && result !== 'passed');
}
