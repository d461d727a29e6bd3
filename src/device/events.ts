/** What happened to the account, as the nodes recorded it: guesses and announcements that the owner did not make show here. */
import type { SeenEvent } from '../quorum/client/events.ts';
import { PASSCODE, RECOVERY_CODE } from '../vault/slot.ts';
import { nameOf } from './names.ts';
import type { DeviceSession } from './session.ts';

export interface ToldEvent extends Omit<SeenEvent, 'seen'> {
  /** By the middle one of the nodes' clocks, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Which way in it concerns, as people call it; an id for one that this version does not know. */
  readonly way: string;
  /** Names of the nodes that tell it. */
  readonly nodes: readonly string[];
}

/** Newest first. @throws `no-quorum` */
export async function tellEvents({ client, fleet }: DeviceSession): Promise<readonly ToldEvent[]> {
  const { events } = await client.events(PASSCODE);
  const nodeOf = (id: string) => fleet.nodes.find((one) => one.id === id)?.name ?? id;
  return events.map(({ seen, ...event }) => {
    const known = [PASSCODE, RECOVERY_CODE].find((one) => client.slot(one) === event.slot);
    const way = known === undefined ? event.slot : nameOf(known);
    const times = seen.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
    return { ...event, timeMs: times[Math.floor(times.length / 2)] ?? 0, way, nodes: seen.map(({ node }) => nodeOf(node)).sort() };
  });
}
