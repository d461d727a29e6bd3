/**
 * What a log is at the start: its tree read from its tiles, every byte of it compared with what the leaves hash to, with the
 * checkpoint that was published, with what was decided (decision.ts) and with what the witness cosigned. It may be one decided
 * entry ahead of its checkpoint, and then goes on from there; anything else is refused, saying what was found: a folder that
 * was put back would have this witness sign a second tree.
 */
import { equalBytes, fromUtf8, toHex } from '../../base/bytes.ts';
import { alarm, type Evidence, HoldfastError } from '../../base/errors.ts';
import type { Files } from '../../files/files.ts';
import type { FleetEntry } from '../../fleet/entry.ts';
import { openCheckpoint, type SignedCheckpoint, type TreeHead } from '../../log/checkpoint.ts';
import { leafHash, MemoryTree, treeRoot } from '../../log/merkle.ts';
import { parseNote, signaturesOf } from '../../log/note.ts';
import { newTiles, parseEntries, type Tile, tileBytes, tilePath } from '../../log/tile.ts';
import type { Vkey } from '../../log/vkey.ts';
import { parseSignedEntry } from '../../trust/signed-entry.ts';
import { lastDecision } from './decision.ts';
import { CHECKPOINT, PUBLIC } from './publish.ts';

export interface Recovered {
  readonly tree: MemoryTree;
  readonly leaves: readonly Uint8Array[];
  readonly entries: readonly FleetEntry[];
  /** Nothing before the first. */
  readonly published: SignedCheckpoint | undefined;
}

/**
 * @param keys that the log had, the newest last: a checkpoint of before its key was replaced counts @param cosigned what the witness cosigned last of this log @throws `alarm`,
 * naming what was found
 */
export async function recoverLog(files: Files, keys: readonly Vkey[], cosigned: TreeHead): Promise<Recovered> {
  const decided = (await lastDecision(files)) ?? refuse('the record of what was decided is gone');
  const published = await readPublished(files, keys);
  const size = published?.size ?? 0;
  if (decided.size < size || decided.size > size + 1) refuse('the log went back', { published: size, decided: decided.size });
  const leaves = await readLeaves(files, size);
  const tree = new MemoryTree();
  for (const leaf of leaves) tree.append(leafHash(leaf));
  if (published !== undefined) await requireRoot(tree, published, 'the entries do not hash to the published checkpoint');
  await requireTiles(files, tree);
  if (decided.size > size) {
    const leaf = Buffer.from(decided.entry ?? refuse('the decided entry is missing'), 'utf8');
    leaves.push(leaf);
    tree.append(leafHash(leaf));
  }
  await requireRoot(tree, decided, 'the entries do not hash to what was decided');
  if (cosigned.size > tree.size) refuse('the log went back behind what this witness cosigned', { log: tree.size, cosigned: cosigned.size });
  await requireRoot(tree, cosigned, 'this witness cosigned another tree');
  return { tree, leaves, entries: leaves.map(parseLeaf), published };
}

async function readPublished(files: Files, keys: readonly Vkey[]): Promise<SignedCheckpoint | undefined> {
  const bytes = await files.read(CHECKPOINT);
  if (bytes === undefined) return undefined;
  return read('the published checkpoint', () => {
    const text = fromUtf8(bytes);
    const { signatures } = parseNote(text);
    const key = keys.findLast((one) => signaturesOf({ signatures }, one).length > 0) ?? keys.at(-1);
    return openCheckpoint(text, key ?? alarm('a log without a key'));
  });
}

async function readLeaves(files: Files, size: number): Promise<Uint8Array[]> {
  const bundles = newTiles(0, size).filter(({ level }) => level === 'entries');
  const leaves: Uint8Array[] = [];
  for (const tile of bundles) {
    const bytes = await readTile(files, tile);
    leaves.push(...read(tilePath(tile), () => parseEntries(bytes, tile.width)));
  }
  return leaves;
}

async function requireTiles(files: Files, tree: MemoryTree): Promise<void> {
  for (const tile of newTiles(0, tree.size)) {
    if (tile.level === 'entries') continue;
    if (!equalBytes(await readTile(files, tile), await tileBytes(tile, tree.read)))
      refuse('a tile is not that of its entries', { tile: tilePath(tile) });
  }
}

async function readTile(files: Files, tile: Tile): Promise<Buffer> {
  return (await files.read(`${PUBLIC}/${tilePath(tile)}`)) ?? refuse('a tile is missing', { tile: tilePath(tile) });
}

async function requireRoot(tree: MemoryTree, { size, root }: TreeHead, words: string): Promise<void> {
  const got = await treeRoot(size, tree.read);
  if (!equalBytes(got, root)) refuse(words, { size, got: toHex(got), expected: toHex(root) });
}

function parseLeaf(leaf: Uint8Array, index: number): FleetEntry {
  return read(`entry ${index}`, () => parseSignedEntry(fromUtf8(leaf)).entry);
}

function read<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return refuse(`${what} is damaged: ${error.message}`, error.evidence);
  }
}

function refuse(words: string, evidence: Evidence = {}): never {
  return alarm(`the log on disk is not the one that was signed: ${words}. Put back the newest copy of dataDir, whole`, evidence);
}
