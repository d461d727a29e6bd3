/** One visit to a fleet: its keys, login, what was left unfinished, the work, and the end of all connections. */
import { readFile } from 'node:fs/promises';
import type { Id } from '../base/bytes.ts';
import type { Fetch } from '../client/fleet-http.ts';
import { fetchWith } from '../client/node/index.ts';
import { activeFleet } from '../fleet/entry.ts';
import { type FleetKeys, readFleetKeys } from './fleet-keys.ts';
import type { DeviceHome, Profile } from './home.ts';
import type { Say } from './say.ts';
import { type DeviceSession, openSession } from './session.ts';
import { finishBusiness } from './unfinished.ts';

export interface Visit extends DeviceSession {
  readonly profile: Profile;
}

/**
 * @param where the fleet that a backup names, or the one that takes registrations; by default the one where this device's key is,
 *   else the one that takes registrations
 */
export function visit<T>(home: DeviceHome, say: Say, work: (visit: Visit) => Promise<T>, where?: Id | 'active'): Promise<T> {
  return withFleetKeys(
    home,
    say,
    async (profile, keys, fetch) => {
      const fleet = fleetIn(profile, where);
      const chosen = fleet === 'active' ? activeFleet(keys.entry, profile).fleet.id : fleet;
      const session = await openSession(home, profile, keys, chosen, fetch);
      if (session.fleet.state === 'retiring') say(retiring(session.fleet.since));
      return work({ ...session, profile: await finishBusiness(home, profile, session, say) });
    },
    where,
  );
}

/** Without a login: what the fleet's keys are. */
export async function withFleetKeys<T>(
  home: DeviceHome,
  say: Say,
  work: (profile: Profile, keys: FleetKeys, fetch: Fetch) => Promise<T>,
  where?: Id | 'active',
): Promise<T> {
  const profile = await home.load();
  const ca = profile.caFile === undefined ? undefined : await readFile(profile.caFile, 'utf8');
  const web = fetchWith(ca);
  try {
    return await work(profile, await readFleetKeys(home, profile, fleetIn(profile, where), web.fetch, say), web.fetch);
  } finally {
    await web.close();
  }
}

function fleetIn({ backup }: Profile, where: Id | 'active' | undefined): Id | 'active' {
  return where ?? backup?.fleet ?? 'active';
}

function retiring(sinceMs: number): string {
  const since = new Date(sinceMs).toISOString().slice(0, 10);
  return `warning: this fleet is being retired since ${since}, and will be gone one day: move your key to the newer one with holdfast move`;
}
