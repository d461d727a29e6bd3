/** A small world (test/trust/world.ts) as it stands today, and its log as a folder that anyone could serve or mirror. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeEntries, newTiles, TILE_WIDTH, tileBytes, tilePath } from '../../src/log/tile.ts';
import { isoTime } from '../../src/trust/continuity.ts';
import { type BundleFaults, DAY_MS, type EntrySigners, World } from '../trust/world.ts';

/** The commands have no clock but the machine's. */
const NOW_MS = Date.now();
const HOUR_MS = DAY_MS / 24;

export class PublishedWorld extends World {
  readonly nowMs = NOW_MS;

  override publish(overrides: Parameters<World['publish']>[0] = {}, signers?: EntrySigners) {
    const validity = { validFrom: isoTime(toSecond(NOW_MS - DAY_MS)), validUntil: isoTime(toSecond(NOW_MS + 200 * DAY_MS)) };
    return super.publish({ ...validity, ...overrides }, signers);
  }

  override bundle(faults: BundleFaults = {}) {
    return super.bundle({ cosignedAtMs: NOW_MS - HOUR_MS, ...faults });
  }

  override checkpoint(faults: BundleFaults = {}) {
    return super.checkpoint({ cosignedAtMs: NOW_MS - HOUR_MS, ...faults });
  }

  /** Its files as the log's witness serves them: checkpoint, tiles, roots. */
  async writeLog(folder: string, faults: BundleFaults = {}): Promise<void> {
    const { size = this.tree.size } = faults;
    const write = (path: string, bytes: Uint8Array | string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    };
    write('checkpoint', await this.checkpoint({ ...faults, size }));
    for (const tile of newTiles(0, size)) {
      const first = tile.index * TILE_WIDTH;
      const leaves = this.leaves.slice(first, first + tile.width).map(({ leaf }) => leaf);
      write(tilePath(tile), tile.level === 'entries' ? encodeEntries(leaves) : await tileBytes(tile, this.tree.read));
    }
    for (const [i, root] of this.roots.entries()) write(`roots/${i + 1}.root.json`, root);
  }
}

const toSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;
