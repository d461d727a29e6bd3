/**
 * What a node takes for a bundle to serve, as pure decisions: one that a client would take now, that lists this node's fleet,
 * and that is newer than the one it has. What the node is told is judged by the roots it pins, whoever brings it.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { Check, CheckName } from '../trust/check.ts';
import { type Rank, rankOf } from '../trust/newer.ts';
import { requireTrusted, verifyBundle } from '../trust/verify.ts';
import type { ServedBundle } from '../web/ports.ts';
import type { Verify } from '../wire/signed.ts';

export interface PublicationPolicy {
  /** The text of the root.json that this node pins, or the newest that it followed from there. */
  readonly root: string;
  readonly thirdParties: number;
  readonly freshnessMs: number;
  readonly verify: Verify;
}

export interface Checked {
  readonly bundle: ServedBundle;
  readonly entry: FleetEntry;
  /** The text of the newest root that it brought: what is offered later must follow from that. */
  readonly roots: string;
  readonly rank: Rank;
}

/** Beside what a recovery wants: a bundle is taken to be handed to people who register. */
const OF_OFFERED: readonly CheckName[] = ['roots', 'validity', 'freshness', 'spread'];

/**
 * @param how `offered` now, or `kept` by the store, of whatever age
 * @param fleet this node's: its id is the hash of all its keys, so it is listed with them or not at all
 * @throws `untrusted-bundle` naming the check that failed
 */
export function checkBundle(text: string, policy: PublicationPolicy, how: 'offered' | 'kept', fleet: Id, nowMs: number): Checked {
  const verdict = verifyBundle(text, {
    roots: policy.root,
    // Whether simulated tokens will do is for whoever trusts them with a share; here it is no secret what they are.
    policy: { thirdParties: policy.thirdParties, freshnessMs: policy.freshnessMs, allowSimulated: true },
    nowMs,
    // This node's fleet may be retiring, and a bundle with the one that follows it is just what its clients need.
    purpose: { kind: 'recover', fleet },
    verify: policy.verify,
  });
  const trusted = requireTrusted(verdict);
  if (how === 'offered') requirePassed(verdict.checks);
  const { bundle, entry, roots } = trusted;
  return { bundle: { text: bundle.line, digest: bundle.digest }, entry, roots: roots.text, rank: rankOf(trusted) };
}

function requirePassed(checks: readonly Check[]): void {
  const missed = checks.find(({ name, result }) => OF_OFFERED.includes(name) && result !== 'passed');
  if (missed !== undefined)
    fail('untrusted-bundle', `the bundle is not to be handed out (${missed.name}): ${missed.words}`, {
      ...missed.evidence,
      check: missed.name,
    });
}
