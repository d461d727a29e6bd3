/**
 * Which of two bundles that verified is the newer: one rule for clients, which go on with the newest, and for nodes, which serve it.
 *
 * A later entry; of one entry the larger tree, then later cosignatures, the operator's first; of the same cosignatures the bundle that
 * brings more. (Attack: anyone may offer a bundle to a node; whoever strips one of all that this node does not want would have it
 * serve what clients refuse.)
 */
import type { Id } from '../base/bytes.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { cosignatureTime } from '../log/cosignature.ts';
import { parseProof } from '../log/proof.ts';
import type { Vkey } from '../log/vkey.ts';
import type { Trusted } from './verify.ts';

export interface Rank {
  readonly sequence: number;
  readonly entry: Id;
  /** The first that differs counts: leaves of the tree, times of operator and witness, third parties, roots. */
  readonly of: readonly number[];
}

export function rankOf({ bundle, entry, roots }: Pick<Trusted, 'bundle' | 'entry' | 'roots'>): Rank {
  const { note, size } = openCheckpoint(parseProof(bundle.proof).checkpoint, roots.log);
  const at = (vkey: Vkey): number => cosignatureTime(note, vkey) ?? 0;
  const thirdParties = roots.thirdParties.filter((vkey) => at(vkey) > 0).length;
  const of = [size, at(roots.operator), at(roots.witness), thirdParties, bundle.roots.length];
  return { sequence: entry.sequence, entry: entry.digest, of };
}

/** Two entries of one sequence are two pasts: neither is newer. */
export function isNewer(one: Rank, other: Rank): boolean {
  if (one.sequence !== other.sequence) return one.sequence > other.sequence;
  if (one.entry !== other.entry) return false;
  const at = one.of.findIndex((rank, i) => rank !== other.of[i]);
  return at >= 0 && (one.of[at] as number) > (other.of[at] as number);
}
