/**
 * The operator's look at the log before it countersigns: the tree that the log signed now holds the one that was seen before,
 * and every entry since then is one that this operator submitted. (Attacks: a witness, or whoever has its keys, logs a fleet of
 * his own with release keys that were stolen; a log is rolled back, or shows two trees.) What is refused is kept as evidence.
 * What passes is remembered before anyone hears of it.
 */
import { alarm } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { openCheckpoint, type SignedCheckpoint } from '../log/checkpoint.ts';
import { consistencyProof, type HashReader, inclusionProof, leafHash, verifyConsistency, verifyInclusion } from '../log/merkle.ts';
import { formatNote } from '../log/note.ts';
import { parseEntries, TILE_WIDTH, type Tile, tileReader } from '../log/tile.ts';
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
  /** The last entry of the log: the signed entry as text, its place, and its proof. */
  readonly last: { readonly note: string; readonly index: number; readonly proof: readonly Uint8Array[] };
}

/** One look: what is shown, and what was seen before. */
interface Look {
  readonly log: LogReader;
  readonly state: OperatorState;
  readonly clock: Clock;
  /** The checkpoint as it is shown now. */
  readonly shown: string;
  readonly seen: SignedCheckpoint | undefined;
}

/**
 * @param keys of the log, from all roots, the newest last: only that signs now, and what was seen under an earlier one of the same
 *   name still counts (attack: a log whose key was replaced begins its past anew) @returns nothing for a log that never had an entry
 * @throws `alarm` for a log that went back, that shows another past, or that holds an entry of somebody else, with the folder
 *   of the evidence; `not-signed` for a checkpoint that the log did not sign; `malformed`
 */
export async function watch(log: LogReader, keys: readonly Vkey[], state: OperatorState, clock: Clock): Promise<Watched | undefined> {
  const key = keys.at(-1) ?? alarm('a log without a key');
  const seen = seenOf(
    keys.filter(({ name }) => name === key.name),
    state,
  );
  const text = await log.checkpoint();
  const look: Look = { log, state, clock, shown: text ?? '', seen };
  const checkpoint = text === undefined ? undefined : openCheckpoint(text, key);
  if ((checkpoint?.size ?? 0) < (seen?.size ?? 0))
    return refuse(look, 'rolled-back', 'the log went back: it has fewer entries than were seen');
  if (checkpoint === undefined || checkpoint.size === 0) return undefined;
  const read = tileReader(checkpoint.size, (tile) => log.tile(tile));
  await requireForward(look, checkpoint, read);
  await requireOwn(look, checkpoint, read);
  const last = await lastOf(look, checkpoint, read);
  state.keepSeen(key, formatNote(checkpoint.note));
  return { checkpoint, last };
}

/** The largest tree. */
function seenOf(keys: readonly Vkey[], state: OperatorState): SignedCheckpoint | undefined {
  const all = keys.flatMap((key) => {
    const text = state.seen(key);
    return text === undefined ? [] : [openCheckpoint(text, key)];
  });
  return all.reduce<SignedCheckpoint | undefined>((most, one) => (most === undefined || one.size >= most.size ? one : most), undefined);
}

async function requireForward(look: Look, { size, root }: SignedCheckpoint, read: HashReader): Promise<void> {
  const { seen } = look;
  if (seen === undefined) return;
  const proof = await consistencyProof(seen.size, size, read);
  if (!verifyConsistency({ oldSize: seen.size, oldRoot: seen.root, size, root, proof }))
    refuse(look, 'another-past', 'the log does not hold the tree that it signed before: it shows two pasts');
}

async function requireOwn(look: Look, checkpoint: SignedCheckpoint, read: HashReader): Promise<void> {
  const { size, root } = checkpoint;
  for (let index = look.seen?.size ?? 0; index < size; index += 1) {
    const leaf = await leafAt(look.log, index, checkpoint);
    const shown = { [`${index}.entry`]: leaf };
    const proof = await inclusionProof(index, size, read);
    if (!verifyInclusion({ leaf: leafHash(leaf), index, size, root, proof }))
      refuse(look, 'another-entry', 'the log shows an entry that is not in the tree it signed', shown);
    if (look.state.submitted(leafHash(leaf)) === undefined)
      refuse(look, 'foreign-entry', 'the log holds an entry that this operator did not submit', shown);
  }
}

/** When the log did not grow, nothing was read of it so far: its last hash is checked as any other. */
async function lastOf(look: Look, { size, root }: SignedCheckpoint, read: HashReader): Promise<Watched['last']> {
  const index = size - 1;
  const leaf = await read(0, index);
  const proof = await inclusionProof(index, size, read);
  const note = look.state.submitted(leaf);
  if (note === undefined || !verifyInclusion({ leaf, index, size, root, proof }))
    return refuse(look, 'another-entry', 'the last entry of the log is not the one that was seen there');
  return { note, index, proof };
}

async function leafAt(log: LogReader, index: number, { size }: SignedCheckpoint): Promise<Uint8Array> {
  const at = Math.floor(index / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, size - at * TILE_WIDTH);
  const leaves = parseEntries(await log.tile({ level: 'entries', index: at, width }), width);
  return leaves[index - at * TILE_WIDTH] as Uint8Array;
}

/** @param what names the folder of the evidence */
function refuse({ state, clock, shown, seen }: Look, what: string, words: string, more: Readonly<Record<string, Uint8Array>> = {}): never {
  const files = { 'shown.checkpoint': shown, ...(seen && { 'seen.checkpoint': formatNote(seen.note) }), ...more };
  return alarm(`${words}. Nothing was countersigned`, { evidence: state.keepEvidence(what, clock(), files) });
}
