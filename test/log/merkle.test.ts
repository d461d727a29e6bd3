/** The tree of RFC 6962, its proofs, and its tiles: known vectors, and every proof of every place in trees up to a size. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  MemoryTree,
  nodeHash,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../src/log/merkle.ts';
import {
  encodeEntries,
  LEAF_BYTES_MAX,
  newTiles,
  parseEntries,
  parseTilePath,
  TILE_WIDTH,
  type Tile,
  tileBytes,
  tilePath,
  tileReader,
} from '../../src/log/tile.ts';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : `not coded: ${error}`;
  }
  return 'accepted';
};

/** The eight leaves, and the roots of their prefixes, with which implementations of RFC 6962 are tested. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

function treeOf(size: number): MemoryTree {
  const tree = new MemoryTree();
  for (let i = 0; i < size; i += 1) tree.append(leafHash(Uint8Array.of(i >> 16, i >> 8, i)));
  return tree;
}

/** Of any sizes up to this, all proofs are made and checked. */
const SIZE_MAX = 33;
const whole = treeOf(SIZE_MAX);
const roots = await Promise.all(Array.from({ length: SIZE_MAX + 1 }, (_, size) => treeRoot(size, whole.read)));

test('the roots are the known ones', async () => {
  const tree = new MemoryTree();
  expect(toHex(await treeRoot(0, tree.read))).toBe(ROOTS[0]);
  for (const [i, leaf] of LEAVES.entries()) {
    tree.append(leafHash(Uint8Array.from(Buffer.from(leaf, 'hex'))));
    expect(toHex(await treeRoot(tree.size, tree.read))).toBe(ROOTS[i + 1]);
  }
});

describe('inclusion', () => {
  test('is proven for every leaf of every tree, and for no other place', async () => {
    for (let size = 1; size <= SIZE_MAX; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof(index, size, whole.read);
        const claim = { leaf: await whole.read(0, index), index, size, root: roots[size]!, proof };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, index: index - 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...proof, claim.leaf] })).toBe(false);
        if (proof.length > 0) expect(verifyInclusion({ ...claim, proof: proof.slice(0, -1) })).toBe(false);
        expect(verifyInclusion({ ...claim, leaf: nodeHash(claim.leaf, claim.leaf) })).toBe(false);
      }
    }
  });

  test('with any bit of any hash turned is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: SIZE_MAX }), fc.nat(), fc.nat(), fc.nat(255), async (size, place, which, bit) => {
        const index = place % size;
        const proof = await inclusionProof(index, size, whole.read);
        const altered = proof.map((hash, i) => (i === which % proof.length ? turned(hash, bit) : hash));
        const claim = { leaf: await whole.read(0, index), index, size, root: roots[size]!, proof };
        expect(verifyInclusion({ ...claim, proof: altered })).toBe(false);
        expect(verifyInclusion({ ...claim, root: turned(claim.root, bit) })).toBe(false);
        expect(verifyInclusion({ ...claim, leaf: turned(claim.leaf, bit) })).toBe(false);
      }),
    );
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 60])('at place %d is refused', (index) => {
    expect(verifyInclusion({ leaf: roots[1]!, index, size: 1, root: roots[1]!, proof: [] })).toBe(false);
  });
});

describe('consistency', () => {
  test('is proven between any two trees, and with no other size', async () => {
    for (let size = 0; size <= SIZE_MAX; size += 1) {
      for (let oldSize = 0; oldSize <= size; oldSize += 1) {
        const proof = await consistencyProof(oldSize, size, whole.read);
        const claim = { oldSize, oldRoot: roots[oldSize]!, size, root: roots[size]!, proof };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, oldSize: size, oldRoot: claim.root, size: oldSize, root: claim.oldRoot })).toBe(
          oldSize === size,
        );
        expect(verifyConsistency({ ...claim, proof: [...proof, claim.root] })).toBe(false);
        if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: proof.slice(0, -1) })).toBe(false);
        if (oldSize > 0 && oldSize < size) {
          expect(verifyConsistency({ ...claim, oldSize: oldSize - 1 })).toBe(false);
          expect(verifyConsistency({ ...claim, proof: [] })).toBe(false);
        }
      }
    }
  });

  test('with any bit of any hash turned is refused: a log that changed its past is found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: SIZE_MAX }), fc.nat(), fc.nat(), fc.nat(255), async (size, old, which, bit) => {
        const oldSize = 1 + (old % (size - 1));
        const proof = await consistencyProof(oldSize, size, whole.read);
        const claim = { oldSize, oldRoot: roots[oldSize]!, size, root: roots[size]!, proof };
        const altered = proof.map((hash, i) => (i === which % proof.length ? turned(hash, bit) : hash));
        expect(verifyConsistency({ ...claim, proof: altered })).toBe(false);
        expect(verifyConsistency({ ...claim, root: turned(claim.root, bit) })).toBe(false);
        expect(verifyConsistency({ ...claim, oldRoot: turned(claim.oldRoot, bit) })).toBe(false);
      }),
    );
  });
});

describe('sizes that a double rounds', () => {
  // Math.log2(2 ** 49 + 1) is 49.
  test('are not taken for powers of two', () => {
    const size = 2 ** 49 + 1;
    expect(verifyConsistency({ oldSize: size, oldRoot: roots[1]!, size: size + 1, root: roots[2]!, proof: [] })).toBe(false);
  });
});

function turned(hash: Uint8Array, bit: number): Uint8Array {
  return hash.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

describe('tiles', () => {
  const paths: readonly (readonly [Tile, string])[] = [
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 63, index: 999, width: 1 }, 'tile/63/999.p/1'],
    [{ level: 2, index: 1000, width: 255 }, 'tile/2/x001/000.p/255'],
    [{ level: 'entries', index: 273, width: 112 }, 'tile/entries/273.p/112'],
  ];
  test.each(paths)('%j has the path %s', (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  test.each([
    'tile/0/0',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    '/tile/0/000',
    'tile/0/../000',
    'tile/0/000\n',
    'tile/data/000',
  ])('%j is no path of a tile', (path) => {
    expect(code(() => parseTilePath(path))).toBe('malformed');
  });

  test("a tree of 70,000 leaves has the specification's tiles, one of 256 a full one and one above it", () => {
    const tiles = newTiles(0, 70_000).filter(({ level }) => level !== 'entries');
    const count = (level: number, full: boolean) =>
      tiles.filter((tile) => tile.level === level && (tile.width === TILE_WIDTH) === full).length;
    expect([count(0, true), count(0, false), count(1, true), count(1, false), count(2, false)]).toEqual([273, 1, 1, 1, 1]);
    expect(tiles.filter(({ width }) => width !== 256).map(tilePath)).toEqual(['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']);
    expect(newTiles(0, 256).map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000']);
    expect(newTiles(255, 257).map(tilePath)).toEqual([
      'tile/0/000',
      'tile/0/001.p/1',
      'tile/1/000.p/1',
      'tile/entries/000',
      'tile/entries/001.p/1',
    ]);
    expect(newTiles(257, 257)).toEqual([]);
    expect(newTiles(0, 0)).toEqual([]);
  });

  test('all hashes of a tree are read through its tiles, however it grew, and each tile is fetched once', async () => {
    const size = 66_000;
    const tree = treeOf(size);
    const files = new Map<string, Uint8Array>();
    let written = 0;
    for (const next of [1, 255, 256, 700, 65_536, size]) {
      for (const tile of newTiles(written, next)) if (tile.level !== 'entries') files.set(tilePath(tile), await tileBytes(tile, tree.read));
      written = next;
    }
    const fetched: string[] = [];
    const read = tileReader(size, async (tile) => {
      fetched.push(tilePath(tile));
      return files.get(tilePath(tile))!;
    });
    expect(toHex(await treeRoot(size, read))).toBe(toHex(await treeRoot(size, tree.read)));
    for (const index of [0, 255, 256, 65_535, 65_999])
      expect(await inclusionProof(index, size, read)).toEqual(await inclusionProof(index, size, tree.read));
    for (const old of [1, 700, 65_536])
      expect(await consistencyProof(old, size, read)).toEqual(await consistencyProof(old, size, tree.read));
    expect(new Set(fetched).size).toBe(fetched.length);
  });

  test('a full tile does where a narrower one is asked for; any other width is refused', async () => {
    const tree = treeOf(256);
    const full = await tileBytes({ level: 0, index: 0, width: 256 }, tree.read);
    const readOf = (bytes: Uint8Array) =>
      treeRoot(
        5,
        tileReader(5, async () => bytes),
      );
    expect(await readOf(full)).toEqual(await treeRoot(5, tree.read));
    expect(await readOf(full.subarray(0, 160))).toEqual(await treeRoot(5, tree.read));
    await expect(readOf(full.subarray(0, 192))).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('entry bundles', () => {
  test('are read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 }), (leaves) => {
        expect(parseEntries(encodeEntries(leaves), leaves.length)).toEqual(leaves);
      }),
    );
  });

  test('of another width, cut short, or with a leaf too long are refused', () => {
    const bytes = encodeEntries([Uint8Array.of(1, 2), new Uint8Array(LEAF_BYTES_MAX)]);
    expect(parseEntries(bytes, 2)[1]).toHaveLength(LEAF_BYTES_MAX);
    expect(code(() => parseEntries(bytes, 1))).toBe('malformed');
    expect(code(() => parseEntries(bytes, 3))).toBe('malformed');
    expect(code(() => parseEntries(bytes.subarray(0, -1), 2))).toBe('malformed');
    expect(code(() => parseEntries(Uint8Array.of(0), 1))).toBe('malformed');
    expect(code(() => encodeEntries([new Uint8Array(LEAF_BYTES_MAX + 1)]))).toBe('too-large');
  });
});
