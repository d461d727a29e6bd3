/**
 * Slots that want attention: a lock's certificate once the guesses are used up, the erasure of the shares once the grace time
 * after it is over. Both rest on the token's counters and on certificates; the store only says where to look.
 */
import type { Id } from '../../base/bytes.ts';
import { coordinateLock } from '../../quorum/coordinator/lock.ts';
import { erase, learnLock } from '../../quorum/member/lock.ts';
import type { Place } from '../../vault/slot.ts';
import { slotId } from '../../vault/slot.ts';
import type { Body, Driver } from '../drive.ts';
import { converse, type Floor } from '../talk.ts';

export interface Attending {
  /** How often to look when nothing wakes the task. */
  readonly intervalMs: number;
  /** After a lock that could not be had: too few members were up. */
  readonly retryMs: number;
  readonly limitMs: number;
  /** Around these milliseconds, so that members do not all ask at once. */
  readonly about: (ms: number) => number;
}

/** Slots in one turn. */
const BATCH = 16;

/** @returns a turn for `startLoop` */
export function dueTurn(body: Body, driver: Driver, floor: Floor, how: Attending): (stop: AbortSignal) => Promise<number> {
  const { store, clock } = body;
  return async (stop) => {
    const slots = await store.due(clock(), BATCH);
    for (const slot of slots) {
      if (stop.aborted) break;
      // What fails is put off, so that one slot cannot hold up the others.
      if (!(await attend(body, driver, floor, how, slot, stop))) await store.postpone(slot, clock() + how.about(how.retryMs));
    }
    if (slots.length === BATCH) return 0;
    const next = await store.nextDueMs();
    return Math.max(0, Math.min(how.about(how.intervalMs), next === undefined ? Infinity : next - clock()));
  };
}

/** @returns whether the slot is done with for now: its record was saved anew */
async function attend(body: Body, driver: Driver, floor: Floor, how: Attending, slot: Id, stop: AbortSignal): Promise<boolean> {
  const record = await driver.load(slot);
  if (record?.standing === undefined) return false;
  const { place } = record;
  if (record.lock === undefined) return lock(body, driver, floor, how, place, stop);
  const erased = await driver.run([slot], (member) => erase(member, place));
  if (erased) body.trace('erased', { slot });
  return erased;
}

async function lock(body: Body, driver: Driver, floor: Floor, how: Attending, place: Place, stop: AbortSignal): Promise<boolean> {
  const { fleet, verify, clock, trace, self } = body;
  const slot = slotId(place);
  const patience = { startMs: clock(), lingerMs: how.limitMs / 4, limitMs: how.limitMs };
  const certificate = await converse(floor, coordinateLock(fleet, verify, place, patience), stop);
  const learnt = certificate !== undefined && (await driver.run([slot], (member) => learnLock(member, certificate)));
  if (!learnt) {
    // Members seek a lock at the same time: another may have brought its certificate here meanwhile.
    if ((await driver.load(slot))?.lock !== undefined) return true;
    trace('lock-postponed', { slot });
    return false;
  }
  trace('locked', { slot });
  const signal = AbortSignal.any([stop, AbortSignal.timeout(how.limitMs)]);
  const others = fleet.nodes.map((node) => node.id).filter((node) => node !== self);
  // Those who cannot be reached now hear of it by catch-up.
  await Promise.all(others.map((node) => floor.bringUp(node, slot, signal).catch((error) => floor.unreachable(node, error))));
  return true;
}
