/**
 * What a person does with a device: back a folder up, and get it back. The first backup makes the backup key and deposits
 * it with the fleet under the passcode (passcode.ts); later ones ask nothing and nobody.
 */
import { type Archived, archive, checkArchive } from '../backup/archive.ts';
import { loadHeader, saveHeader } from '../backup/beside.ts';
import type { BackupHeader, Deposit } from '../backup/header.ts';
import type { BackupKey } from '../backup/key.ts';
import { checkRestore, restore } from '../backup/restore.ts';
import { fail } from '../base/errors.ts';
import type { Policy } from '../vault/policy.ts';
import { PASSCODE } from '../vault/slot.ts';
import type { DeviceHome } from './home.ts';
import { setPasscode } from './passcode.ts';
import { type Ask, type Bring, recoverKey } from './recovery.ts';
import type { Say } from './unfinished.ts';
import { type Visit, visit } from './visit.ts';

export interface Progress {
  readonly say: Say;
  bytes(count: number): void;
}

export interface BackedUp extends Archived {
  readonly header: BackupHeader;
}

/**
 * @param target a folder, made if it is not there; or `s3://BUCKET/PREFIX`
 * @param policy for the first deposit, where it differs from the client's default
 */
export async function backUp(
  home: DeviceHome,
  folder: string,
  target: string,
  askNew: Ask,
  progress: Progress,
  policy: Partial<Policy> = {},
): Promise<BackedUp> {
  const { backup } = await home.load();
  await checkArchive(folder, target);
  return store(folder, target, backup ?? (await setPasscode(home, askNew, progress.say, policy)), progress);
}

/** @throws what `archive` throws */
export async function store(folder: string, target: string, header: BackupHeader, progress: Progress): Promise<BackedUp> {
  progress.say(`encrypting ${folder}`);
  const archived = await archive(folder, header.recipient, target, (count) => progress.bytes(count));
  await saveHeader(target, header);
  return { ...archived, header };
}

/** @throws `wrong-passcode`, `locked`, `not-found`, `no-quorum`, and what `restore` throws */
export async function restoreBackup(
  home: DeviceHome,
  from: string,
  folder: string,
  bring: Bring,
  progress: Progress,
): Promise<{ nodesThatLied: number }> {
  const header = inFleet(await loadHeader(from));
  await checkRestore(folder);
  const restored = async ({ client, profile }: Visit) => {
    if (client.slot(PASSCODE) !== header.slot) fail('pass-refused', 'this backup belongs to another account: log in as its owner');
    const { key, recipient, authority } = await recoverKey(client, bring, progress.say);
    if (recipient !== header.recipient) fail('malformed', 'this backup was made with another key than the fleet keeps for you');
    await open(from, key, folder, progress);
    await home.save({ ...profile, backup: header });
    return { nodesThatLied: authority.liars.length };
  };
  return visit(home, progress.say, restored, header.fleet);
}

export async function open(from: string, key: BackupKey, folder: string, progress: Progress): Promise<void> {
  progress.say(`decrypting into ${folder}`);
  await restore(from, key, folder, (count) => progress.bytes(count));
}

function inFleet(header: BackupHeader): Deposit {
  return 'fleet' in header ? header : fail('path', 'no fleet keeps the key of this backup: restore it with its 64-digit key (--key64)');
}
