/**
 * Learns what happened at one peer while this member was away, or was not asked: page by page through the peer's change feed,
 * each proof checked as if it came from a stranger. The cursor moves when all of a page is durable here.
 */
import type { Id } from '../../base/bytes.ts';
import { type Code, HoldfastError } from '../../base/errors.ts';
import type { Body } from '../drive.ts';
import type { Floor } from '../talk.ts';

export interface CatchingUp {
  readonly intervalMs: number;
  readonly limitMs: number;
  readonly about: (ms: number) => number;
  /** Changes in one page, and how many are left after it. */
  readonly behind: (peer: Id, changes: number) => void;
}

const PAGE = 100;

/**
 * These are of this member's own, not of the proof: the page is asked for again. Not `token-full`, which does not pass: one slot
 * for which there is no place must not keep this member from what happens to all others.
 */
const OWN_TROUBLE: ReadonlySet<Code> = new Set(['overloaded', 'timeout', 'token-unavailable']);

/** @returns a turn for `startLoop` */
export function catchUpTurn(body: Body, floor: Floor, peer: Id, how: CatchingUp): (stop: AbortSignal) => Promise<number> {
  const { store, self, trace } = body;
  return async (stop) => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(how.limitMs)]);
    const cursor = await store.cursor(peer);
    const page = await floor
      .at(peer, signal)
      .changes(cursor, PAGE)
      .catch((error) => floor.unreachable(peer, error));
    if (page === undefined) return how.about(how.intervalMs);
    floor.heard(peer);
    const { changes, next, head } = page;
    how.behind(peer, Math.max(0, head - next));
    if (head < cursor) {
      // The peer's disk is an older one. What it learns again gets new cursors, so everything is looked at once more.
      await store.keepCursor(peer, 0);
      return 0;
    }
    for (const { slot, proof } of changes) {
      if (stop.aborted) return 0;
      try {
        await floor.at(self, signal).teach(proof);
      } catch (error) {
        if (!(error instanceof HoldfastError) || OWN_TROUBLE.has(error.code)) throw error;
        trace('proof-refused', { peer, slot, code: error.code, why: error.message });
      }
    }
    if (next > cursor) await store.keepCursor(peer, next);
    return changes.length === PAGE ? 0 : how.about(how.intervalMs);
  };
}
