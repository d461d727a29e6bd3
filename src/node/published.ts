/**
 * What a node takes for a bundle to serve, as pure decisions: one that a client would take now, that lists this node's fleet,
 * and that is newer than the one it has. What the node is told is judged by the roots it pins, whoever brings it.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { cosignatureTime } from '../log/cosignature.ts';
import { parseProof } from '../log/proof.ts';
import type { Vkey } from '../log/vkey.ts';
import type { Check, CheckName } from '../trust/check.ts';
import { requireTrusted, type Trusted, verifyBundle } from '../trust/verify.ts';
import type { ServedBundle } from '../web/ports.ts';
import type { Verify } from '../wire/signed.ts';

export interface PublicationPolicy {
  /** The text of the root.json that this node pins. */
  readonly root: string;
  readonly thirdParties: number;
  readonly freshnessMs: number;
  readonly verify: Verify;
}

export interface Checked {
  readonly bundle: ServedBundle;
  readonly entry: FleetEntry;
  /**
   * What makes it newer than another of the same entry, the first difference counting: when the operator cosigned, when the
   * witness did, how many third parties did, and how many roots it brings.
   */
  readonly age: readonly number[];
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
  const { bundle, entry } = trusted;
  return { bundle: { text: bundle.line, digest: bundle.digest }, entry, age: ageOf(trusted) };
}

function requirePassed(checks: readonly Check[]): void {
  const missed = checks.find(({ name, result }) => OF_OFFERED.includes(name) && result !== 'passed');
  if (missed !== undefined)
    fail('untrusted-bundle', `the bundle is not to be handed out (${missed.name}): ${missed.words}`, {
      ...missed.evidence,
      check: missed.name,
    });
}

function ageOf({ bundle, roots }: Trusted): readonly number[] {
  const { note } = openCheckpoint(parseProof(bundle.proof).checkpoint, roots.log);
  const at = (vkey: Vkey): number => cosignatureTime(note, vkey) ?? 0;
  return [at(roots.operator), at(roots.witness), roots.thirdParties.filter((vkey) => at(vkey) > 0).length, bundle.roots.length];
}

/**
 * A later entry, or later cosignatures of the same; of the same cosignatures the bundle that brings more. (Attack: anyone may
 * offer; whoever strips a bundle of all that this node does not want would have it serve what clients refuse.)
 */
export function isNewer(offered: Checked, served: Checked): boolean {
  if (offered.entry.sequence !== served.entry.sequence) return offered.entry.sequence > served.entry.sequence;
  if (offered.entry.digest !== served.entry.digest) return false;
  const at = offered.age.findIndex((one, i) => one !== served.age[i]);
  return at >= 0 && (offered.age[at] as number) > (served.age[at] as number);
}
