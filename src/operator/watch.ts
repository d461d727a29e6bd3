/**
 * The operator's look at the log before it countersigns: the tree that the log signed now holds the one that was seen before,
 * and every entry since then is one that this operator submitted. (Attacks: a witness, or whoever has its keys, logs a fleet of
 * his own with release keys that were stolen; a log is rolled back, or shows two trees.) What is refused is kept as evidence.
 * What passes is remembered before anyone hears of it.
 */
import { alarm } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { openCheckpoint, type SignedCheckpoint } from '../log/checkpoint.ts';
import { consistencyProof, inclusionProof, leafHash, verifyConsistency, verifyInclusion } from '../log/merkle.ts';
import { formatNote } from '../log/note.ts';
import { parseEntries, type Tile, tileReader } from '../log/tile.ts';
import type { Vkey } from '../log/vkey.ts';
import type { OperatorState } from './state.ts';

/** The log as anyone reads it: nothing that comes out of here is believed. */
export interface LogReader {
  /** The signed note; nothing while the log is empty and has signed nothing. */
  checkpoint(): Promise<string | undefined>;
  tile(tile: Tile): Promise<Uint8Array>;
}

export interface Watched {
  readonly checkpoint: SignedCheckpoint;
  /** The checkpoint's note with the signatures it came with. */
  readonly text: string;
  /** The last entry of the log: the signed entry as text, its place, and its proof. */
  readonly last: { readonly note: string; readonly index: number; readonly proof: readonly Uint8Array[] };
}

/**
 * @returns nothing for a log that never had an entry
 * @throws `alarm` for a log that went back, that shows another past, or that holds an entry of somebody else, with the folder
 *   of the evidence; `not-signed` for a checkpoint that the log did not sign; `malformed`
 */
export async function watch(log: LogReader, key: Vkey, state: OperatorState, clock: Clock): Promise<Watched | undefined> {
  const text = await log.checkpoint();
  const before = state.seen(key);
  const seen = before === undefined ? undefined : openCheckpoint(before, key);
  if (text === undefined) return seen === undefined ? undefined : wentBack(state, clock, '', seen);
  const checkpoint = openCheckpoint(text, key);
  const { size, root } = checkpoint;
  if (seen !== undefined && size < seen.size) return wentBack(state, clock, text, seen);
  if (size === 0) return undefined;
  const read = tileReader(size, (tile) => log.tile(tile));
  if (seen !== undefined) {
    const proof = await consistencyProof(seen.size, size, read);
    if (!verifyConsistency({ oldSize: seen.size, oldRoot: seen.root, size, root, proof })) {
      const kept = keep(state, clock, 'another-past', text, seen);
      return alarm('the log does not hold the tree that it signed before: it shows two pasts. Nothing was countersigned', kept);
    }
  }
  for (let index = seen?.size ?? 0; index < size; index += 1) {
    const leaf = await leafAt(log, index, checkpoint);
    const proof = await inclusionProof(index, size, read);
    if (!verifyInclusion({ leaf: leafHash(leaf), index, size, root, proof })) {
      const kept = keep(state, clock, 'another-entry', text, seen, { [`${index}.entry`]: leaf });
      return alarm('the log shows an entry that is not in the tree it signed. Nothing was countersigned', { ...kept, index });
    }
    if (state.submitted(leafHash(leaf)) === undefined) {
      const kept = keep(state, clock, 'foreign-entry', text, seen, { [`${index}.entry`]: leaf });
      return alarm('the log holds an entry that this operator did not submit. Nothing was countersigned', { ...kept, index });
    }
  }
  const index = size - 1;
  const leaf = await read(0, index);
  const proof = await inclusionProof(index, size, read);
  const note = state.submitted(leaf);
  // Not from the loop above when the log did not grow: its last hash is checked as any other.
  if (note === undefined || !verifyInclusion({ leaf, index, size, root, proof }))
    return alarm('the last entry of the log is not the one seen there before', keep(state, clock, 'another-entry', text, seen));
  state.keepSeen(key, formatNote({ text: checkpoint.note.text, signatures: checkpoint.note.signatures }));
  return { checkpoint, text, last: { note, index, proof } };
}

async function leafAt(log: LogReader, index: number, { size }: SignedCheckpoint): Promise<Uint8Array> {
  const at = Math.floor(index / 256);
  const width = Math.min(256, size - at * 256);
  const leaves = parseEntries(await log.tile({ level: 'entries', index: at, width }), width);
  return leaves[index - at * 256] as Uint8Array;
}

function wentBack(state: OperatorState, clock: Clock, text: string, seen: SignedCheckpoint): never {
  const kept = keep(state, clock, 'rolled-back', text, seen);
  return alarm('the log went back: it has fewer entries than were seen. Nothing was countersigned', { ...kept, seen: seen.size });
}

function keep(
  state: OperatorState,
  clock: Clock,
  what: string,
  shown: string,
  seen: SignedCheckpoint | undefined,
  more: Readonly<Record<string, Uint8Array>> = {},
): { readonly evidence: string } {
  const files = { 'shown.checkpoint': shown, ...(seen && { 'seen.checkpoint': formatNote(seen.note) }), ...more };
  return { evidence: state.keepEvidence(what, clock(), files) };
}
