/** How the account's passcode stands, as the nodes sign it. */
import { guessesLeft } from '../quorum/client/recover.ts';
import { PASSCODE } from '../vault/slot.ts';
import type { DeviceHome } from './home.ts';
import { openSession } from './session.ts';

export interface AccountStatus {
  readonly registered: boolean;
  readonly generation: number;
  readonly guessesLeft: number;
  readonly locked: boolean;
  readonly nodes: readonly {
    readonly node: string;
    readonly generation: number;
    readonly tried: number;
    readonly cleared: number;
    readonly voting: boolean;
  }[];
}

export async function tellStatus(home: DeviceHome): Promise<AccountStatus> {
  const profile = await home.load();
  const session = await openSession(home, profile, profile.backup?.fleet);
  try {
    const { reports, registration } = await session.client.status(PASSCODE);
    const { nodes: named } = session.fleet;
    const nodes = reports.map(({ signer, generation, tried, cleared, standing }) => ({
      node: named.find((one) => one.id === signer)?.name ?? signer,
      generation,
      tried,
      cleared,
      voting: standing,
    }));
    if (registration === undefined || registration.core.tombstone) {
      return { registered: false, generation: registration?.generation ?? 0, guessesLeft: 0, locked: false, nodes };
    }
    const left = guessesLeft(session.fleet.fleet, registration, reports, 0);
    return { registered: true, generation: registration.generation, guessesLeft: left, locked: left === 0, nodes };
  } finally {
    await session.close();
  }
}
