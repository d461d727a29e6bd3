/** Bundles from several places against each other: whether they are of one log, and which is the newest. */

import { idFromBytes } from '../base/bytes.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { parseProof } from '../log/proof.ts';
import { compareViews, type Seen } from '../trust/seen.ts';
import type { BundleAudit } from './bundle.ts';
import { type Finding, finding } from './report.ts';

/** A bundle and where it came from. */
export interface Audited extends BundleAudit {
  readonly from: string;
}

/** What the bundle itself shows of the log, whatever was seen before. */
function viewOf({ trusted }: Audited): Seen | undefined {
  if (trusted === undefined) return undefined;
  const { entry, bundle, roots } = trusted;
  const { origin, size, root } = openCheckpoint(parseProof(bundle.proof).checkpoint, roots.log);
  return { sequence: entry.sequence, digest: entry.digest, origin, size, root: idFromBytes(root), roots: roots.text };
}

/** Nothing to tell of a single one. */
export function compareBundles(audited: readonly Audited[]): readonly Finding[] {
  const shown = audited.flatMap((one) => {
    const view = viewOf(one);
    return view === undefined ? [] : [{ from: one.from, view }];
  });
  if (shown.length < 2) return [];
  for (const [i, one] of shown.entries()) {
    const other = shown.slice(i + 1).find(({ view }) => compareViews(one.view, view) === 'split');
    if (other !== undefined) {
      const words = 'Two pasts of one log are shown, both signed by all: the view is split. Keep both bundles, they are the proof.';
      return [finding('views', 'bad', words, { one: one.from, other: other.from })];
    }
  }
  const sequences = new Set(shown.map(({ view }) => view.sequence));
  if (sequences.size === 1) return [finding('views', 'good', 'All places show the same entry.', { places: shown.length })];
  const words = 'Not all places show the newest entry: some lag behind. The newest is the one that is looked at below.';
  return [finding('views', 'noted', words, { places: shown.length, entries: [...sequences].sort((a, b) => a - b).join(', ') })];
}

/** Of those whose keys are certain, the one with the highest sequence; else the first. */
export function newestAudited(audited: readonly Audited[]): Audited | undefined {
  const sequence = ({ trusted }: Audited) => trusted?.entry.sequence ?? 0;
  return audited.reduce<Audited | undefined>((best, one) => (best === undefined || sequence(one) > sequence(best) ? one : best), undefined);
}
