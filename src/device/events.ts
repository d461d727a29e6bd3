/** What happened to the account, as the nodes recorded it: guesses and announcements that the owner did not make show here. */
import type { SeenEvent } from '../quorum/client/events.ts';
import { PASSCODE } from '../vault/slot.ts';
import type { DeviceHome } from './home.ts';
import { openSession } from './session.ts';

export interface ToldEvent extends Omit<SeenEvent, 'seen'> {
  /** By the middle one of the nodes' clocks, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Names of the nodes that tell it. */
  readonly nodes: readonly string[];
}

/** Newest first. @throws `no-quorum` */
export async function tellEvents(home: DeviceHome): Promise<readonly ToldEvent[]> {
  const profile = await home.load();
  const session = await openSession(home, profile, profile.backup?.fleet);
  try {
    const { events } = await session.client.events(PASSCODE);
    const nameOf = (id: string) => session.fleet.nodes.find((one) => one.id === id)?.name ?? id;
    return events.map(({ seen, ...event }) => {
      const times = seen.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
      return { ...event, timeMs: times[Math.floor(times.length / 2)] ?? 0, nodes: seen.map(({ node }) => nameOf(node)).sort() };
    });
  } finally {
    await session.close();
  }
}
