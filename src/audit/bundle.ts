/**
 * An audit of one bundle: every check that a client makes before it registers (src/trust), told as findings. What would only stop a
 * client from registering because time has passed is stale, and not bad.
 */
import type { Id } from '../base/bytes.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { Check, CheckName } from '../trust/check.ts';
import { type Trusted, type Verdict, type VerifyOptions, verifyBundle } from '../trust/verify.ts';
import { type Finding, finding } from './report.ts';

export interface BundleAudit {
  readonly findings: readonly Finding[];
  /** Only of a bundle that a client would recover over: whose keys these are is certain, even if they are stale. */
  readonly trusted?: Pick<Trusted, 'bundle' | 'entry' | 'roots' | 'seenAfter'>;
  /** For showing what was refused. */
  readonly unverified: Verdict['unverified'];
}

export const BUNDLE_PROVES_NOT: readonly string[] = [
  'that a node runs the code whose measurement is named: nodes say that themselves. One that was broken into can say anything; fewer than the threshold of them still learn nothing of any key.',
  'that a token does what its maker says. The attestation, where the entry names one, is as good as its maker.',
  'that the operators and regions named in the entry are independent of each other: they are names, and the witness looked at no more than that they differ.',
  'that operator, witness and enough third parties do not all work together: then they could show you a log of your own. Compare what you saw with others: --seen, --mirror.',
  'that nobody guesses your passcode: ten guesses are ten guesses. Take a long one, or a recovery code.',
];

/** Fail by the passing of time alone. */
const TIME: readonly CheckName[] = ['roots', 'validity', 'freshness'];

export function auditBundle(text: string, options: Omit<VerifyOptions, 'purpose'>): BundleAudit {
  const registering = verifyBundle(text, { ...options, purpose: { kind: 'register' } });
  const fleet = anyFleet(registering.unverified.entry);
  const recovering = fleet && verifyBundle(text, { ...options, purpose: { kind: 'recover', fleet } });
  const findings = registering.checks.map((check) =>
    findingOf(
      check,
      recovering?.checks.find(({ name }) => name === check.name),
    ),
  );
  const { bundle, entry, roots, seenAfter } = recovering ?? registering;
  const trusted = bundle && entry && roots && seenAfter ? { bundle, entry, roots, seenAfter } : undefined;
  return { findings, unverified: registering.unverified, ...(trusted && { trusted }) };
}

function anyFleet(entry: FleetEntry | undefined): Id | undefined {
  const fleets = entry?.fleets ?? [];
  return (fleets.find(({ state }) => state === 'active') ?? fleets[0])?.fleet.id;
}

function findingOf({ name, result, words, evidence }: Check, recovering: Check | undefined): Finding {
  const of = (as: Finding['result']) => finding(name, as, words, evidence);
  switch (result) {
    case 'passed':
      return of('good');
    case 'warning':
      return of('noted');
    case 'skipped':
      return of('unknown');
    case 'failed':
      return of(TIME.includes(name) && recovering?.result === 'warning' ? 'stale' : 'bad');
  }
}
