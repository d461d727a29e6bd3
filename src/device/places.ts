/**
 * Where a backup's key may be by now. The header beside a backup names the fleet of its time; since then the key may have moved
 * (move.ts), perhaps from another device, and the old fleet may be gone. What is found elsewhere counts only if it has the
 * header's recipient: it is the same key, or it is not this backup's.
 */
import type { Deposit } from '../backup/header.ts';
import type { Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';

/**
 * In this order: where this device knows the key to be, where the header says, where keys move to, where they may linger.
 * @throws `wrong-fleet` when the entry does not name the header's fleet at all. (Attack: an entry without the fleet that holds the
 *   key sends the person's guess to another.)
 */
export function placesOf({ fleets }: FleetEntry, header: Deposit, known: Deposit | undefined): readonly Id[] {
  const named = fleets.find(({ fleet }) => fleet.id === header.fleet);
  if (named === undefined) return fail('wrong-fleet', 'the fleet entry does not name the fleet of this backup', { wanted: header.fleet });
  const own = known?.recipient === header.recipient ? [known.fleet] : [];
  const inState = (state: string) => fleets.filter((one) => one.state === state).map(({ fleet }) => fleet.id);
  const first = named.state === 'retired' ? [] : [header.fleet];
  return [...new Set([...own, ...first, ...inState('active'), ...inState('retiring')])];
}

/** A place that holds nothing, or that is gone: neither was told more than a blinded guess that no quorum counted. */
const LEADS_ON: ReadonlySet<string> = new Set(['not-found', 'no-quorum']);

/** What the first place has that holds anything; the first refusal if none does. */
export async function firstThatHolds<T>(places: readonly Id[], ask: (place: Id) => Promise<T>): Promise<T> {
  let refused: unknown;
  for (const place of places) {
    try {
      return await ask(place);
    } catch (error) {
      if (!(error instanceof HoldfastError) || !LEADS_ON.has(error.code)) throw error;
      refused ??= error;
    }
  }
  throw refused ?? new HoldfastError('not-found', 'the fleet entry names no fleet that still keeps keys');
}
