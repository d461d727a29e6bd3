/**
 * How many slots still have all shares, and how many fewer: what the operator of a fleet that lost nodes wants to know before
 * people move on. Each member tells what it holds of each slot in the order of the slots; the inventories are read side by
 * side, one page of each at a time, so a fleet of any size is counted in a few megabytes.
 *
 * Numbers are exact while nothing is registered; what happens during the count is counted as before or as after. Each node is
 * believed about itself: it is the operator's own view of the operator's own fleet, and no client rests on it.
 */
import type { Id } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import { type Fleet, shareIndex } from '../fleet/fleet.ts';
import type { SlotRecord, Standing } from '../quorum/record.ts';
import { parseRegistration } from '../vault/registration.ts';
import type { Holding, InventoryPage, ShareCounts } from '../web/ports.ts';
import { decodeMessage } from '../wire/message.ts';

const PAGE = 500;

/** @returns nothing of a slot that has no registration in force here, as far as the disk can be read */
export function holdingOf(slot: Id, record: SlotRecord, fleet: Fleet, self: Id): Holding | undefined {
  try {
    return record.standing && readHolding(slot, record, record.standing, fleet, self);
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

function readHolding(slot: Id, record: SlotRecord, standing: Standing, fleet: Fleet, self: Id): Holding {
  const { generation, digest, core, shares } = parseRegistration(standing.registration, fleet);
  if (core.tombstone) return { slot, generation, share: core.credential.length > 0 ? 'moved' : 'deleted' };
  if (record.erased) return { slot, generation, share: 'erased' };
  const own = shares[shareIndex(fleet, self) - 1];
  const ack = record.activationAck && decodeMessage('node/activation-ack', record.activationAck.bytes);
  const held = own !== undefined && !('hash' in own) && ack?.digest === digest && ack.opened;
  return { slot, generation, share: held ? 'held' : 'missing' };
}

/** One member's inventory, page by page. */
export interface InventoryOf {
  readonly node: Id;
  page(after: Id | undefined, limit: number): Promise<InventoryPage>;
}

/** A node that stops answering on the way is silent as a whole: half an inventory would be counted as lost shares. */
export async function countShares(threshold: number, inventories: readonly InventoryOf[], page = PAGE): Promise<ShareCounts> {
  const silent: Id[] = [];
  for (;;) {
    const answering = inventories.filter(({ node }) => !silent.includes(node));
    const { counts, failed } = await countOnce(answering, inventories.length, page);
    if (failed === undefined) return { nodes: inventories.length, threshold, ...counts, silent };
    silent.push(failed);
  }
}

type Counts = Pick<ShareCounts, 'slots' | 'erased' | 'deleted' | 'moved'>;

async function countOnce(
  inventories: readonly InventoryOf[],
  nodes: number,
  page: number,
): Promise<{ counts: Counts; failed?: undefined } | { counts?: undefined; failed: Id }> {
  const slots = Array<number>(nodes + 1).fill(0);
  const counts = { slots, erased: 0, deleted: 0, moved: 0 };
  const cursors = inventories.map((inventory) => new Cursor(inventory, page));
  for (;;) {
    // One after the other would wait for each in turn; a cursor that has its page answers at once.
    const heads = await Promise.all(cursors.map((cursor) => cursor.head().catch(() => 'failed' as const)));
    const failed = heads.indexOf('failed');
    if (failed >= 0) return { failed: (inventories[failed] as InventoryOf).node };
    const here = heads.filter((head): head is Holding => typeof head === 'object');
    if (here.length === 0) return { counts };
    const slot = here.map((holding) => holding.slot).reduce((least, one) => (one < least ? one : least));
    const of = here.filter((holding) => holding.slot === slot);
    count(counts, of);
    for (const cursor of cursors) cursor.pass(slot);
  }
}

/** Only the latest generation counts: a share of an older one recovers nothing any more. */
function count(counts: Counts & { erased: number; deleted: number; moved: number; slots: number[] }, of: readonly Holding[]): void {
  const generation = Math.max(...of.map((holding) => holding.generation));
  const latest = of.filter((holding) => holding.generation === generation).map(({ share }) => share);
  if (latest.includes('moved')) counts.moved += 1;
  else if (latest.includes('deleted')) counts.deleted += 1;
  else if (latest.includes('erased')) counts.erased += 1;
  else {
    const held = latest.filter((share) => share === 'held').length;
    counts.slots[held] = (counts.slots[held] ?? 0) + 1;
  }
}

class Cursor {
  readonly #inventory: InventoryOf;
  readonly #limit: number;
  #page: readonly Holding[] = [];
  #at = 0;
  #next: Id | undefined;
  #ended = false;

  constructor(inventory: InventoryOf, limit: number) {
    this.#inventory = inventory;
    this.#limit = limit;
  }

  /** @throws when the member does not answer */
  async head(): Promise<Holding | undefined> {
    while (this.#at >= this.#page.length && !this.#ended) {
      const { holdings, next } = await this.#inventory.page(this.#next, this.#limit);
      // A member that sends what was there before would keep the count going for ever.
      const from = this.#next;
      if (from !== undefined && [next, holdings[0]?.slot].some((slot) => slot !== undefined && slot <= from)) {
        throw new Error('an inventory that goes backwards');
      }
      [this.#page, this.#at, this.#next, this.#ended] = [holdings, 0, next, next === undefined];
    }
    return this.#page[this.#at];
  }

  pass(slot: Id): void {
    if (this.#page[this.#at]?.slot === slot) this.#at += 1;
  }
}
