/** One visit to the fleet: login, what was left unfinished, the work, and the end of all connections. */
import type { Id } from '../base/bytes.ts';
import type { DeviceHome, Profile } from './home.ts';
import { type DeviceSession, openSession } from './session.ts';
import { finishBusiness, type Say } from './unfinished.ts';

export interface Visit extends DeviceSession {
  readonly profile: Profile;
}

/** @param fleet the fleet that a backup names; by default the one where this device's key is, else the entry's active one */
export async function visit<T>(home: DeviceHome, say: Say, work: (visit: Visit) => Promise<T>, fleet?: Id): Promise<T> {
  const profile = await home.load();
  const session = await openSession(home, profile, fleet ?? profile.backup?.fleet);
  try {
    return await work({ ...session, profile: await finishBusiness(home, profile, session, say) });
  } finally {
    await session.close();
  }
}
