/**
 * Whether a bundle's fleet keys may be trusted: every check of docs/transparency.md, "Rules", in that order, offline, failing
 * closed. `verifyBundle` gives one result per check as data, for people and programs; `requireTrusted` is the only way from
 * there to the keys. Clients, nodes that take a newer bundle, and everyone who audits come through here.
 *
 * `register` seals new shares and needs all checks. `recover` opens what exists: it needs those that say whose keys these are,
 * and tells the others as warnings, so that getting a key back never depends on the log being up. A key recovered over a
 * bundle with warnings opens old backups and must encrypt no new ones.
 */
import { idFromBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { EntryFleet, FleetEntry } from '../fleet/entry.ts';
import type { Verify } from '../wire/signed.ts';
import { type Bundle, parseBundle } from './bundle.ts';
import { type Check, type Passed, recoverNeeds, Sheet } from './check.ts';
import { isoTime } from './continuity.ts';
import {
  entryForm,
  namespaceOf,
  notBehind,
  notSimulated,
  type Purpose,
  releasedBy,
  signedByNodes,
  spreadOut,
  validAt,
  wantedFleet,
} from './entry-checks.ts';
import { cosignedBy, cosignedByOthers, FRESHNESS_MS, freshEnough, type Included, includedIn, logForward } from './log-checks.ts';
import type { Root } from './root.ts';
import { openRoots } from './roots.ts';
import type { Seen } from './seen.ts';

export interface Policy {
  /** How many different third parties must have cosigned. One is the default of clients; with none, operator and witness together can publish unseen. */
  readonly thirdParties: number;
  readonly allowSimulated: boolean;
  /** 14 days unless said otherwise. */
  readonly freshnessMs?: number;
}

export interface VerifyOptions {
  /** The text of the root.json that the client pins, of any version. */
  readonly roots: string;
  readonly policy: Policy;
  readonly nowMs: number;
  readonly purpose: Purpose;
  /** What this client was shown before: `seenAfter` of its last trusted bundle. */
  readonly seen?: Seen | undefined;
  /** A consistency proof from the tree seen to this bundle's, where the caller could fetch one. */
  readonly consistency?: readonly Uint8Array[] | undefined;
  /** ECDSA P-256, as the rest of the client verifies it. */
  readonly verify: Verify;
}

/** What was verified, and may be used. */
export interface Trusted {
  readonly bundle: Bundle;
  readonly entry: FleetEntry;
  /** That registrations go to, or that the backup names. */
  readonly fleet: EntryFleet;
  readonly roots: Root;
  /** To be kept before the keys are used. */
  readonly seenAfter: Seen;
}

export interface Verdict extends Partial<Trusted> {
  /** All of `checkNames`, in that order. */
  readonly checks: readonly Check[];
  /** No check failed; only then there are entry, fleet, roots and seenAfter. */
  readonly trusted: boolean;
  /** For showing what was refused, and for nothing else. */
  readonly unverified: { readonly entry?: FleetEntry; readonly roots?: Root };
}

/** @param text the bundle's line, from anyone. Nothing is thrown for what it holds: the results say it. */
export function verifyBundle(text: string, options: VerifyOptions): Verdict {
  const { policy, nowMs, purpose, seen, verify } = options;
  const sheet = new Sheet((name) => purpose.kind === 'register' || recoverNeeds.includes(name));
  const bundle = sheet.check('bundle-form', [], () => formOf(text));
  const roots = sheet.check('roots', [bundle], (b) => rootsOf(b, options));
  const signed = sheet.check('entry-form', [bundle], (b) => entryForm(b.entry));
  sheet.check('namespace', [signed, roots], ({ entry }, root) => namespaceOf(entry, root));
  sheet.check('release', [signed, roots], releasedBy);
  sheet.check('nodes', [signed], (one) => signedByNodes(one, verify));
  const included = sheet.check('inclusion', [bundle, roots], includedIn);
  const witness = sheet.check('witness', [included, roots], (log, root) => cosignedBy('witness', log, root.witness));
  const operator = sheet.check('operator', [included, roots], (log, root) => cosignedBy('operator', log, root.operator));
  const others = sheet.check('third-parties', [included, roots], (log, root) => cosignedByOthers(log, root, policy.thirdParties));
  sheet.check('sequence', [signed], ({ entry }) => notBehind(entry, seen));
  sheet.check('log-forward', [included], (log) => logForward(log, seen, options.consistency));
  sheet.check('validity', [signed], ({ entry }) => validAt(entry, nowMs));
  sheet.check('freshness', [included, witness, operator, others], (log, byWitness, byOperator, byOthers) =>
    freshEnough(log, [byWitness, byOperator, ...byOthers.slice(0, policy.thirdParties)], {
      nowMs,
      freshnessMs: policy.freshnessMs ?? FRESHNESS_MS,
    }),
  );
  const fleet = sheet.check('fleet', [signed], ({ entry }) => wantedFleet(entry, purpose));
  sheet.check('spread', [fleet], spreadOut);
  sheet.check('simulated', [fleet], (one) => notSimulated(one, policy.allowSimulated));

  const { checks, trusted } = sheet;
  const unverified = { ...(signed && { entry: signed.entry }), ...(roots && { roots }) };
  if (!trusted || bundle === undefined || signed === undefined || roots === undefined || included === undefined || fleet === undefined)
    return { checks, trusted: false, unverified };
  const { entry } = signed;
  return { checks, trusted, unverified, bundle, entry, fleet, roots, seenAfter: seenAfter(sheet, { entry, included, roots, seen }) };
}

/**
 * What a bundle is trusted with.
 * @throws `untrusted-bundle` naming the first check that failed
 */
export function requireTrusted({ checks, bundle, entry, fleet, roots, seenAfter }: Verdict): Trusted {
  const failed = checks.find(({ result }) => result === 'failed');
  if (failed !== undefined)
    return fail('untrusted-bundle', `the fleet keys are not to be trusted (${failed.name}): ${failed.words}`, {
      ...failed.evidence,
      check: failed.name,
    });
  if (bundle === undefined || entry === undefined || fleet === undefined || roots === undefined || seenAfter === undefined)
    return fail('alarm', 'a bundle without a failed check was not verified as a whole');
  return { bundle, entry, fleet, roots, seenAfter };
}

function formOf(text: string): Passed<Bundle> {
  const bundle = parseBundle(text);
  return { value: bundle, words: 'The bundle has its one form.', evidence: { digest: bundle.digest } };
}

function rootsOf(bundle: Bundle, { roots, seen, nowMs, purpose }: VerifyOptions): Passed<Root> {
  const root = openRoots({ pinned: roots, seen: seen?.roots, chain: bundle.roots });
  const evidence = { version: root.version, expires: isoTime(root.expires) };
  const words = `Roots version ${root.version} follow from the ones this client knows, by signatures of operator and witness.`;
  if (nowMs < root.expires) return { value: root, words, evidence };
  if (purpose.kind === 'register') fail('untrusted-bundle', 'the roots have expired: a newer bundle or app brings newer ones', evidence);
  return { value: root, words: `${words} They have expired.`, evidence, warning: true };
}

interface Shown {
  readonly entry: FleetEntry;
  readonly included: Included;
  readonly roots: Root;
  readonly seen: Seen | undefined;
}

/** A recovery over an older view is no reason to forget the newer one. */
function seenAfter(sheet: Sheet, { entry, included, roots, seen }: Shown): Seen {
  const forward = sheet.resultOf('sequence') === 'passed' && sheet.resultOf('log-forward') === 'passed';
  if (seen !== undefined && !forward) return seen;
  const { origin, size, root } = included.checkpoint;
  return { sequence: entry.sequence, digest: entry.digest, origin, size, root: idFromBytes(root), roots: roots.text };
}
