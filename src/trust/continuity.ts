/**
 * What an entry must be beside those before it, and in itself, whatever its signatures say: the part of the witness's
 * admission policy (docs/transparency.md) that needs no network. The witness refuses by it, the operator asks it before it
 * submits, and whoever audits the log repeats it. Each rule gives what is wrong, or undefined.
 */
import { type Id, NO_ID } from '../base/bytes.ts';
import type { Evidence } from '../base/errors.ts';
import { type EntryFleet, type FleetEntry, nodeText } from '../fleet/entry.ts';
import { hash } from '../wire/signed.ts';

export interface Finding {
  /** A plain sentence. */
  readonly words: string;
  readonly evidence: Evidence;
}
export type Ruling = Finding | undefined;

const found = (words: string, evidence: Evidence): Finding => ({ words, evidence });

const DAY_MS = 24 * 60 * 60 * 1000;
/** Keys that nobody renews must lapse, and a yearly ceremony with a month to spare must do. */
const VALIDITY_DAYS_MAX = 400;

/** `sequence`: exactly one more. @param previous undefined for the first entry of a log */
export function checkSequence(entry: FleetEntry, previous: FleetEntry | undefined): Ruling {
  const expected = (previous?.sequence ?? 0) + 1;
  if (entry.sequence === expected) return undefined;
  return found('the sequence is not one more than that of the entry before', { got: entry.sequence, expected });
}

/** `previous`: the digest of the entry before; without it the log could lose entries between two that a client sees. */
export function checkPrevious(entry: FleetEntry, previous: FleetEntry | undefined): Ruling {
  const expected = previous?.digest ?? NO_ID;
  if (entry.previous === expected) return undefined;
  return found('the entry does not name the digest of the entry before', { got: entry.previous, expected });
}

/** `validity`: begins before now, ends after, at most 400 days. */
export function checkValidity({ validFrom, validUntil }: FleetEntry, nowMs: number): Ruling {
  const days = (validUntil - validFrom) / DAY_MS;
  if (days > VALIDITY_DAYS_MAX) return found('the entry is valid for too long', { days, max: VALIDITY_DAYS_MAX });
  if (nowMs < validFrom) return found('the entry is not valid yet', { validFrom: isoTime(validFrom) });
  if (nowMs >= validUntil) return found('the entry is not valid any more', { validUntil: isoTime(validUntil) });
  return undefined;
}

/**
 * `keys`: each identity and sealing key in one place, over all entries ever admitted. Attack: a sealing key whose destruction
 * was attested comes back in another fleet, and old shares open there.
 */
export function checkKeys(entry: FleetEntry, admitted: readonly FleetEntry[]): Ruling {
  const places = new Map<Id, string>();
  for (const { fleets } of [...admitted, entry]) {
    for (const [key, place] of fleets.flatMap(keyPlaces)) {
      const before = places.get(key);
      if (before !== undefined && before !== place) return found('a key stands in two places', { one: before, other: place });
      places.set(key, place);
    }
  }
  return undefined;
}

function keyPlaces({ fleet, nodes }: EntryFleet): [Id, string][] {
  return nodes.flatMap(({ id, identityKey, sealingKey }): [Id, string][] => [
    [hash(identityKey), `identity key of node ${id}, fleet ${fleet.id}`],
    [hash(sealingKey), `sealing key of node ${id}, fleet ${fleet.id}`],
  ]);
}

/**
 * `continuity`: no fleet that is not retired is missing, and retired stays retired, even if it was left out in between. That a
 * fleet's quorum and keys never change follows from its id, which is their hash (src/fleet/entry.ts computes it).
 * @param admitted all entries before, in their order
 */
export function checkContinuity(entry: FleetEntry, admitted: readonly FleetEntry[]): Ruling {
  const now = new Map(entry.fleets.map((one) => [one.fleet.id, one.state]));
  for (const { fleet, state } of admitted.at(-1)?.fleets ?? []) {
    // Attack: the fleet that holds people's records is dropped, and their clients are told that it never was.
    if (state !== 'retired' && !now.has(fleet.id)) return found('a fleet that is not retired is missing', { fleet: fleet.id, state });
  }
  for (const { fleets, sequence } of admitted) {
    for (const { fleet, state } of fleets) {
      const after = now.get(fleet.id);
      if (state === 'retired' && after !== undefined && after !== 'retired')
        return found('a retired fleet came back', { fleet: fleet.id, retiredIn: sequence, state: after });
    }
  }
  return undefined;
}

/**
 * `nodes`, in one entry: an active fleet is vouched for by a quorum of its nodes now, whoever is absent. (Attack: whoever has the
 * release keys, and what nodes signed long ago, publishes a fleet that is gone or was broken into, and keys are registered there.)
 * Of one that is retiring any number may be absent: nothing is registered there, and who recovers has its keys from the backup.
 */
export function checkPresent({ fleet, nodes, state, absent = [] }: EntryFleet): Ruling {
  const present = nodes.length - absent.length;
  if (state !== 'active' || present >= fleet.quorum) return undefined;
  return found('fewer nodes of an active fleet sign than its quorum', { fleet: fleet.id, got: present, expected: fleet.quorum });
}

/**
 * `nodes`, beside the entries before: one that is absent is described exactly as in the entry before, and what it is said to have
 * signed last is in the log. So, from entry to entry, nothing is said of a node but what it signed once. (Attack: a node that can
 * not object any more is given another kind of token, or another owner.)
 * @param admitted all entries before, in their order
 */
export function checkAbsent(entry: FleetEntry, admitted: readonly FleetEntry[]): Ruling {
  const before = admitted.at(-1);
  for (const { fleet, absent = [] } of entry.fleets) {
    for (const { node, signed } of absent) {
      if (before === undefined || nodeText(before, node) !== nodeText(entry, node))
        return found('the entry says other things of an absent node than the entry before', { fleet: fleet.id, node });
      if (!admitted.some(({ digest }) => digest === signed))
        return found('the entry that an absent node signed last is not in the log', { fleet: fleet.id, node, signed });
    }
  }
  return undefined;
}

/** `spread`: no region and no operator has t or more nodes: who falls there must not open anything. */
export function checkSpread({ fleet, nodes }: EntryFleet): Ruling {
  for (const what of ['region', 'operator'] as const) {
    for (const place of new Set(nodes.map((node) => node[what]))) {
      const count = nodes.filter((node) => node[what] === place).length;
      if (count >= fleet.threshold)
        return found(`one ${what} has as many nodes of the fleet as open a share`, {
          [what]: place,
          nodes: count,
          threshold: fleet.threshold,
        });
    }
  }
  return undefined;
}

/** As an entry spells it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
