/** Deleting the backup key from the fleet: what backups there are then open only for who has the key already. */
import type { VaultClient } from '../client/vault-client.ts';
import type { Owner } from '../quorum/client/effects.ts';
import { PASSCODE, RECOVERY_CODE, type WayIn } from '../vault/slot.ts';
import { expectDeposited } from './deposited.ts';
import type { DeviceHome } from './home.ts';
import { describeSeconds, nameOf } from './names.ts';
import { ownerIn } from './owner.ts';
import { type Ask, recoverKey } from './recovery.ts';
import type { Say } from './say.ts';
import { visit } from './visit.ts';

export interface Deletion {
  readonly way: 'passcode' | 'recovery-code';
  readonly done: boolean;
  /** Of an announced one. */
  readonly secondsLeft?: number;
}

/**
 * All ways in are deleted at once by who can open one of them, or has the owner key on this device; else each is announced, and
 * deleted after its waiting time by any later command of this device.
 * @param ask for the way in, if the person has it
 * @throws what recovering throws, before anything is deleted
 */
export function deleteKey(home: DeviceHome, ask: { passcode?: Ask; recoveryCode?: Ask }, say: Say): Promise<readonly Deletion[]> {
  return visit(home, say, async ({ client, profile }) => {
    const ways = [
      { way: PASSCODE, ask: ask.passcode },
      { way: RECOVERY_CODE, ask: ask.recoveryCode },
    ];
    const held: WayIn[] = [];
    let owner = ownerIn(profile);
    for (const { way, ask: typed } of ways) {
      const { registration } = await client.status(way);
      if (registration === undefined || registration.core.tombstone) continue;
      held.push(way);
      if (typed !== undefined) owner = (await recoverKey(client, { way, ask: typed }, say)).authority.opened.owner;
    }
    const deletions: Deletion[] = [];
    for (const way of held) {
      say(`deleting what your ${nameOf(way)} opens`);
      deletions.push(await remove(client, way, owner, say));
    }
    if (deletions.every(({ way, done }) => way !== 'passcode' || done)) {
      const { backup: _, owner: __, key: ___, ...rest } = profile;
      await home.save(rest);
    }
    return deletions;
  });
}

async function remove(client: VaultClient, way: WayIn, owner: Owner | undefined, say: Say): Promise<Deletion> {
  const kind = way.kind === 'recovery-code' ? 'recovery-code' : 'passcode';
  const outcome = await client.remove(way, owner && { owner });
  if (outcome.kind === 'waiting') {
    const { secondsLeft } = outcome;
    say(`announced: what your ${nameOf(way)} opens is deleted in ${describeSeconds(secondsLeft)}, by any command of this device`);
    return { way: kind, done: false, secondsLeft };
  }
  expectDeposited(outcome);
  return { way: kind, done: true };
}
