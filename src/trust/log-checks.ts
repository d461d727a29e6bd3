/**
 * The checks that ask what the log says and who watches it. Called by verify.ts, which knows their order; each throws a
 * HoldfastError whose message says what does not hold.
 */
import { equalBytes, idToBytes, utf8 } from '../base/bytes.ts';
import { type Evidence, fail } from '../base/errors.ts';
import type { SignedCheckpoint } from '../log/checkpoint.ts';
import { cosignatureTime } from '../log/cosignature.ts';
import { verifyConsistency } from '../log/merkle.ts';
import { parseProof, verifyProof } from '../log/proof.ts';
import type { Vkey } from '../log/vkey.ts';
import type { BundleParts } from './bundle.ts';
import type { Passed } from './check.ts';
import { isoTime } from './continuity.ts';
import type { Root } from './root.ts';
import type { Seen } from './seen.ts';

const refuse = (words: string, evidence?: Evidence): never => fail('untrusted-bundle', words, evidence);

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
export const FRESHNESS_MS = 14 * DAY_MS;
/** How far the clocks of those who cosign may be ahead of this one. */
const AHEAD_MS = HOUR_MS;

export interface Included {
  readonly checkpoint: SignedCheckpoint;
  /** How many leaves the log has after this one. */
  readonly newer: number;
}

/** The very bytes of the entry's note are the leaf: an entry changed under a kept proof is another leaf. */
export function includedIn({ entry, proof: text }: BundleParts, { log }: Root): Passed<Included> {
  const proof = parseProof(text);
  const checkpoint = verifyProof(proof, utf8(entry), log);
  const { size, origin } = checkpoint;
  return {
    value: { checkpoint, newer: size - 1 - proof.index },
    words: 'The entry is in the log, whose tree the log signed.',
    evidence: { log: origin, index: proof.index, size },
  };
}

/** In seconds since 1970: when it cosigned. */
export function cosignedBy(who: 'witness' | 'operator', { checkpoint }: Included, vkey: Vkey): Passed<number> {
  const time = cosignatureTime(checkpoint.note, vkey);
  const evidence = { name: vkey.name };
  if (time === undefined) return refuse(`the ${who} did not ${who === 'operator' ? 'countersign' : 'cosign'} the log`, evidence);
  const at = isoTime(time * 1000);
  const words =
    who === 'witness' ? `The witness audited the log and cosigned it at ${at}.` : `The operator countersigned the log at ${at}.`;
  return { value: time, words, evidence: { ...evidence, at } };
}

/** Times of different third parties, the latest first. */
export function cosignedByOthers({ checkpoint }: Included, { thirdParties }: Root, wanted: number): Passed<readonly number[]> {
  const times = thirdParties.flatMap((vkey) => cosignatureTime(checkpoint.note, vkey) ?? []).sort((a, b) => b - a);
  const evidence = { got: times.length, expected: wanted };
  if (times.length < wanted) refuse('too few third parties cosigned the log', evidence);
  if (wanted === 0) return { value: times, words: 'No third party is asked for.', evidence };
  return { value: times, words: `Third parties that are neither operator nor witness cosigned the log: ${times.length}.`, evidence };
}

/**
 * The tree only grows.
 * @param consistency a proof from the tree seen to this one, where the caller could fetch one from the log's tiles. Offline
 *   there is none, and that a larger tree contains the one seen is what the witness's and the third parties' cosignatures say
 */
export function logForward({ checkpoint }: Included, seen: Seen | undefined, consistency: readonly Uint8Array[] | undefined): Passed<true> {
  if (seen === undefined) return { value: true, words: 'The log is shown here for the first time, so there is no tree to compare with.' };
  const { origin, size, root } = checkpoint;
  if (origin !== seen.origin)
    return { value: true, words: 'The roots name another log than before; its tree starts anew.', evidence: { origin } };
  const evidence = { got: size, seen: seen.size };
  if (size < seen.size) refuse('the log is smaller than it was: it was rolled back', evidence);
  const oldRoot = idToBytes(seen.root);
  if (size === seen.size && !equalBytes(root, oldRoot))
    refuse('the log shows another tree of the same size than it showed here before', evidence);
  if (consistency === undefined) return { value: true, words: 'The log is not smaller than it was when it was last shown here.', evidence };
  if (!verifyConsistency({ oldSize: seen.size, oldRoot, size, root, proof: consistency }))
    refuse('the log does not contain the tree that it showed here before', evidence);
  return { value: true, words: 'The log contains the tree that it showed here before.', evidence };
}

/**
 * All that are needed cosigned lately, and the entry is the last leaf of what they cosigned. Attack on either alone: keys that
 * were replaced long ago, under a proof that never ends; or an old entry with a fresh proof of its old place.
 */
export function freshEnough(
  { checkpoint, newer }: Included,
  times: readonly number[],
  { nowMs, freshnessMs }: { readonly nowMs: number; readonly freshnessMs: number },
): Passed<true> {
  if (newer > 0) refuse('the log has a newer entry than this one', { newer, size: checkpoint.size });
  const latest = Math.max(...times) * 1000;
  if (latest > nowMs + AHEAD_MS) refuse('a cosignature is from the future: check the clock of this device', { at: isoTime(latest) });
  const oldest = Math.min(...times) * 1000;
  const evidence = { oldest: isoTime(oldest), days: Math.floor((nowMs - oldest) / DAY_MS), max: freshnessMs / DAY_MS };
  if (nowMs - oldest > freshnessMs) refuse('the cosignatures are too old to say that these keys are still in use', evidence);
  return { value: true, words: `All that are asked for cosigned since ${evidence.oldest}, and nothing newer is in the log.`, evidence };
}
