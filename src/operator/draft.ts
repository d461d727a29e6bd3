/**
 * The next fleet entry, from the last one and what shall be: pure, so that it can be shown before anything is signed. Fleets
 * come from ceremonies' transcripts, states from the last entry and the change that is asked for; sequence and previous digest
 * follow from the log. What a witness would refuse (docs/transparency.md, "admission policy") is refused here already.
 */
import { type Id, NO_ID } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type FleetEntry, type FleetInput, makeEntry } from '../fleet/entry.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** For clients whose clocks are behind. */
const BACKDATED_MS = HOUR_MS;
/** A witness admits no entry that is valid for longer. */
export const VALID_DAYS_MAX = 400;

/** What a transcript says of a fleet, and what is published of it beside. */
export type Planned = Omit<FleetInput, 'state' | 'since'>;

export interface Change {
  readonly fleet: Id;
  readonly to: 'retiring' | 'retired';
}

export interface Wanted {
  readonly namespace: string;
  readonly fleets: readonly Planned[];
  readonly change?: Change | undefined;
  /** Nodes that shall not sign, beside those that did not sign the last entry; and those that shall sign again. */
  readonly without?: readonly Id[] | undefined;
  readonly counting?: readonly Id[] | undefined;
  readonly validDays: number;
  readonly nowMs: number;
}

/**
 * @param last the entry that the log admitted last
 * @throws `configuration` naming the fleet: one that is missing, or a change that cannot be
 */
export function nextEntry(last: FleetEntry | undefined, wanted: Wanted): FleetEntry {
  const { namespace, fleets, change, validDays, nowMs } = wanted;
  const before = last === undefined ? [] : fleetsOf(last);
  if (last !== undefined && last.namespace !== namespace)
    fail('configuration', 'the roots are of another namespace than the last entry', { last: last.namespace, now: namespace });
  // Clients whose keys are in a fleet that an entry drops could never recover: a witness refuses it too.
  const dropped = before.find(({ id, state }) => state !== 'retired' && !fleets.some((one) => one.id === id));
  if (dropped !== undefined)
    fail('configuration', 'fleets: a fleet that is not retired is missing: name its transcript', { fleet: dropped.id });
  const now = toSecond(nowMs);
  const planned = fleets.map((fleet): FleetInput => {
    const known = before.find(({ id }) => id === fleet.id);
    const { state = 'active', since = now } = known ?? {};
    const stands = change?.fleet === fleet.id ? changed(change, state, since, now) : { state, since };
    return inOrder({ ...fleet, ...stands, ...(stands.state !== 'retired' && absence(fleet, known, last, wanted)) });
  });
  const retired = before.filter(({ id }) => !fleets.some((one) => one.id === id));
  if (change !== undefined && !planned.some(({ id }) => id === change.fleet))
    fail('configuration', 'no transcript in the configuration is of this fleet', { fleet: change.fleet });
  return makeEntry({
    namespace,
    sequence: (last?.sequence ?? 0) + 1,
    previous: last?.digest ?? NO_ID,
    validFrom: toSecond(nowMs - BACKDATED_MS),
    validUntil: toSecond(nowMs + validDays * DAY_MS),
    fleets: [...planned, ...retired],
  });
}

/** Who is absent stays so until it is counted on again, and the entry says of it what the last one said: it can not agree to more. */
function absence(
  { nodes }: Planned,
  known: FleetInput | undefined,
  last: FleetEntry | undefined,
  { without = [], counting = [] }: Wanted,
): Pick<FleetInput, 'nodes'> & Partial<Pick<FleetInput, 'absent'>> {
  const before = known?.absent ?? [];
  const isAbsent = (id: string) =>
    !counting.some((one) => one === id) && [...without, ...before.map(({ node }) => node)].includes(id as Id);
  const lost = nodes.filter(({ id }) => isAbsent(id)) as (FleetInput['nodes'][number] & { readonly id: Id })[];
  if (lost.length === 0) return { nodes };
  if (known === undefined || last === undefined)
    return fail('configuration', 'every node of a new fleet must sign the first entry that names it', { node: lost[0]?.name ?? '' });
  return {
    nodes: nodes.map((node) => (isAbsent(node.id) ? (known.nodes.find(({ id }) => id === node.id) ?? node) : node)),
    absent: lost.map(({ id }) => ({ node: id, signed: before.find(({ node }) => node === id)?.signed ?? last.digest })),
  };
}

const ORDER = { active: 0, retiring: 1, retired: 2 } as const;

function changed({ fleet, to }: Change, state: FleetInput['state'], since: string, now: string): Pick<FleetInput, 'state' | 'since'> {
  // Its sealing keys are destroyed, or devices were told to move: neither is taken back.
  if (ORDER[to] < ORDER[state]) fail('configuration', `this fleet is ${state}: it does not become ${to} again`, { fleet });
  return to === state ? { state, since } : { state: to, since: now };
}

/** What two entries say of their fleets is the same when these texts are. */
export function saysTheSame(a: FleetEntry, b: FleetEntry): boolean {
  return JSON.stringify(fleetsOf(a)) === JSON.stringify(fleetsOf(b));
}

/** As the line spells them. */
export function fleetsOf({ line }: FleetEntry): readonly FleetInput[] {
  return (JSON.parse(line) as { readonly fleets: readonly FleetInput[] }).fleets;
}

function inOrder({ state, since, ...rest }: FleetInput): FleetInput {
  return { state, since, ...rest };
}

const toSecond = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
