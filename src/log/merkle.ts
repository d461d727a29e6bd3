/**
 * The Merkle tree of RFC 6962, section 2.1, with its two proofs; made by the recursive definitions there, checked by the
 * loops of RFC 9162, sections 2.1.3.2 and 2.1.4.2.
 *
 *   leaf hash = SHA-256( 0x00 | data )       node hash = SHA-256( 0x01 | left | right )
 *
 * Trees are read through a `HashReader` of complete subtrees, so that memory, tiles on a disk and tiles of a web server are
 * read alike. A reader need not be trusted: what is made from it is checked against a root that is signed.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';

/** The hash of the complete subtree over the 2^level leaves that begin at index * 2^level. */
export type HashReader = (level: number, index: number) => Promise<Uint8Array>;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(data: Uint8Array): Uint8Array {
  return sha256(concatBytes(LEAF, data));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(NODE, left, right));
}

/** The largest power of two below `size`: where RFC 6962 splits a tree. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** The level of a complete subtree of so many leaves; undefined when no complete one has so many. (`Math.log2` rounds.) */
function levelOf(size: number): number | undefined {
  let level = 0;
  let leaves = 1;
  for (; leaves < size; leaves *= 2) level += 1;
  return leaves === size ? level : undefined;
}

/** MTH(D[from:from+size]); `from` is a multiple of every complete subtree in it. */
async function rangeHash(from: number, size: number, read: HashReader): Promise<Uint8Array> {
  const level = levelOf(size);
  if (level !== undefined) return await read(level, from / size);
  const split = splitOf(size);
  return nodeHash(await rangeHash(from, split, read), await rangeHash(from + split, size - split, read));
}

/** The root of the tree of the first `size` leaves. */
export async function treeRoot(size: number, read: HashReader): Promise<Uint8Array> {
  return size === 0 ? sha256(new Uint8Array()) : await rangeHash(0, size, read);
}

/** PATH(index, D[size]), from the leaf's sibling up. */
export async function inclusionProof(index: number, size: number, read: HashReader): Promise<Uint8Array[]> {
  assert(0 <= index && index < size, 'an inclusion proof is of a leaf in the tree');
  const path = async (at: number, from: number, length: number): Promise<Uint8Array[]> => {
    if (length === 1) return [];
    const split = splitOf(length);
    if (at < split) return [...(await path(at, from, split)), await rangeHash(from + split, length - split, read)];
    return [...(await path(at - split, from + split, length - split)), await rangeHash(from, split, read)];
  };
  return await path(index, 0, size);
}

/** PROOF(old, D[size]); empty from the empty tree and between equal ones. */
export async function consistencyProof(old: number, size: number, read: HashReader): Promise<Uint8Array[]> {
  assert(0 <= old && old <= size, 'a consistency proof leads from a smaller tree to a larger');
  if (old === 0 || old === size) return [];
  const prove = async (kept: number, from: number, length: number, whole: boolean): Promise<Uint8Array[]> => {
    if (kept === length) return whole ? [] : [await rangeHash(from, length, read)];
    const split = splitOf(length);
    if (kept <= split) return [...(await prove(kept, from, split, whole)), await rangeHash(from + split, length - split, read)];
    return [...(await prove(kept - split, from + split, length - split, false)), await rangeHash(from, split, read)];
  };
  return await prove(old, 0, size, true);
}

const half = (n: number): number => Math.floor(n / 2);
const odd = (n: number): boolean => n % 2 === 1;
const isPlace = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;

export interface InclusionClaim {
  /** The leaf's hash, not its data. */
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** RFC 9162, section 2.1.3.2. */
export function verifyInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!isPlace(index) || !isPlace(size) || index >= size) return false;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const beside of proof) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      hash = nodeHash(beside, hash);
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(hash, beside);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(hash, root);
}

export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** RFC 9162, section 2.1.4.2; from the empty tree to any other, and between equal trees, the proof is empty. */
export function verifyConsistency({ oldSize, oldRoot, size, root, proof }: ConsistencyClaim): boolean {
  if (!isPlace(oldSize) || !isPlace(size) || oldSize > size) return false;
  if (oldSize === 0) return proof.length === 0 && equalBytes(oldRoot, sha256(new Uint8Array()));
  if (oldSize === size) return proof.length === 0 && equalBytes(oldRoot, root);
  // A complete subtree on the left is its own first hash, and the proof leaves it out.
  const [first, ...rest] = levelOf(oldSize) !== undefined ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let at = oldSize - 1;
  let last = size - 1;
  while (odd(at)) [at, last] = [half(at), half(last)];
  let oldHash = first;
  let hash = first;
  for (const beside of rest) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      oldHash = nodeHash(beside, oldHash);
      hash = nodeHash(beside, hash);
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(hash, beside);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(oldHash, oldRoot) && equalBytes(hash, root);
}

/** A tree in memory, from its leaves' hashes: for logs whose leaves fit, and for proofs about a tree that was just read. */
export class MemoryTree {
  /** By level: the hashes of the complete subtrees, from the left. */
  readonly #levels: Uint8Array[][] = [[]];

  get size(): number {
    return this.#levels[0]?.length ?? 0;
  }

  append(leaf: Uint8Array): void {
    let hash = leaf;
    for (let level = 0; ; level += 1) {
      const hashes = this.#levels[level] ?? [];
      this.#levels[level] = hashes;
      hashes.push(hash);
      if (odd(hashes.length)) return;
      hash = nodeHash(hashes.at(-2) as Uint8Array, hash);
    }
  }

  readonly read: HashReader = async (level, index) => {
    const hash = this.#levels[level]?.[index];
    assert(hash !== undefined, 'a complete subtree of this tree');
    return hash;
  };
}
