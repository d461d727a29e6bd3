/**
 * Learns what happened at one peer while this member was away, or was not asked: page by page through the peer's change feed,
 * each proof checked as if it came from a stranger.
 *
 * The cursor that is kept moves only over what is durable here. A slot that is busy is set aside and tried again in each turn,
 * while the pages go on: one account must not keep this member from what happens to all others. A feed that brings nothing
 * good is read ever more slowly. (Attack: a peer's host is somebody else's, and its feed never ends.)
 */
import type { Id } from '../../base/bytes.ts';
import { type Code, HoldfastError } from '../../base/errors.ts';
import type { Change, Proof } from '../../quorum/record.ts';
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
/** Between full pages of a feed that brings what is good: still thousands of slots in a second. */
const PAGE_PAUSE_MS = 10;
/** A feed that brings nothing good is read after 2, 4, ... and at last 64 intervals. */
const DOUBLINGS_MAX = 6;
/** Slots that are set aside; with more of them the page waits for this member. */
const ASIDE_MAX = 256;

/**
 * These are of this member's own, not of the proof. Not `token-full`, which does not pass: one slot for which there is no place
 * must not keep this member from what happens to all others.
 */
const OWN_TROUBLE: ReadonlySet<Code> = new Set(['overloaded', 'timeout', 'token-unavailable']);

type Outcome = 'taken' | 'refused' | 'busy';

/** @returns a turn for `startLoop` */
export function catchUpTurn(body: Body, floor: Floor, peer: Id, how: CatchingUp): (stop: AbortSignal) => Promise<number> {
  const { store, self, trace } = body;
  /** Slots that were busy, with their cursors. */
  const aside = new Map<Id, number>();
  /** How far this process has read, where slots that are set aside hold back the cursor that is kept. */
  let readTo: number | undefined;
  let barren = 0;

  const pause = (good: boolean): number => {
    barren = good ? 0 : Math.min(barren + 1, DOUBLINGS_MAX);
    return how.about(how.intervalMs * 2 ** barren);
  };

  const take = async (slot: Id, proof: Proof, refused: Map<Code, number>, signal: AbortSignal): Promise<Outcome> => {
    try {
      await floor.at(self, signal).teach(proof);
      return 'taken';
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (OWN_TROUBLE.has(error.code)) return 'busy';
      const before = refused.get(error.code) ?? 0;
      // One line for each cause in a page: the rest would only fill the disk.
      if (before === 0) trace('proof-refused', { peer, slot, code: error.code, why: error.message });
      refused.set(error.code, before + 1);
      return 'refused';
    }
  };

  const tryAside = async (signal: AbortSignal): Promise<void> => {
    for (const slot of [...aside.keys()]) {
      const proof = await floor.at(peer, signal).proofOf(slot);
      if (proof === undefined || (await take(slot, proof, new Map(), signal)) !== 'busy') aside.delete(slot);
    }
  };

  const keep = async (cursor: number): Promise<void> => {
    const least = Math.min(cursor, ...[...aside.values()].map((at) => at - 1));
    if (least > (await store.cursor(peer))) await store.keepCursor(peer, least);
    readTo = aside.size > 0 ? cursor : undefined;
  };

  const takeAll = async (changes: readonly Change[], signal: AbortSignal, stop: AbortSignal): Promise<number | undefined> => {
    const refused = new Map<Code, number>();
    let good = 0;
    for (const { slot, proof, cursor } of changes) {
      if (stop.aborted) return undefined;
      const outcome = await take(slot, proof, refused, signal);
      if (outcome === 'taken') good += 1;
      if (outcome !== 'busy') continue;
      if (aside.size >= ASIDE_MAX) throw new HoldfastError('overloaded', 'too many slots are busy: the page is asked for again');
      aside.set(slot, Math.min(cursor, aside.get(slot) ?? cursor));
    }
    const more = [...refused.values()].reduce((sum, count) => sum + count - 1, 0);
    if (more > 0) trace('proof-refused', { peer, more });
    return good;
  };

  return async (stop) => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(how.limitMs)]);
    const cursor = readTo ?? (await store.cursor(peer));
    try {
      await tryAside(signal);
    } catch (error) {
      floor.unreachable(peer, error);
      return how.about(how.intervalMs);
    }
    const page = await floor
      .at(peer, signal)
      .changes(cursor, PAGE)
      .catch((error) => floor.unreachable(peer, error));
    if (page === undefined) return how.about(how.intervalMs);
    floor.heard(peer);
    const { changes, next, head } = page;
    how.behind(peer, Math.max(0, head - next) + aside.size);
    if (head < cursor) {
      // The peer's disk is an older one. What it learns again gets new cursors, so everything is looked at once more.
      await store.keepCursor(peer, 0);
      aside.clear();
      readTo = undefined;
      return pause(false);
    }
    const good = await takeAll(changes, signal, stop);
    if (good === undefined) return 0;
    await keep(next > cursor ? next : cursor);
    if (changes.length < PAGE) return good > 0 || changes.length === 0 ? pause(true) : pause(false);
    return good > 0 && next > cursor ? PAGE_PAUSE_MS : pause(false);
  };
}
