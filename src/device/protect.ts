/**
 * What a person does with a device: back a folder up, and get it back. The first backup makes the backup key and deposits
 * it with the fleet under the passcode (passcode.ts); later ones ask nothing and nobody.
 */
import { type Archived, archive, checkArchive } from '../backup/archive.ts';
import { loadHeader, saveHeader } from '../backup/beside.ts';
import type { BackupHeader, Deposit } from '../backup/header.ts';
import type { BackupKey } from '../backup/key.ts';
import { checkRestore, restore } from '../backup/restore.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Policy } from '../vault/policy.ts';
import { PASSCODE } from '../vault/slot.ts';
import { whyStale } from './fleet-keys.ts';
import type { DeviceHome } from './home.ts';
import { moveWithKey } from './move.ts';
import { keptKey, spellOwner } from './owner.ts';
import { setPasscode } from './passcode.ts';
import { firstThatHolds, placesOf } from './places.ts';
import { type AskNew, askOnce, type Bring, recoverKey } from './recovery.ts';
import { type Say, sayOnce } from './say.ts';
import { depositAt } from './session.ts';
import { type Visit, visit, withFleetKeys } from './visit.ts';

export interface Progress {
  readonly say: Say;
  /**
   * From before the first one on. What it throws ends the work, and nothing of it is left behind.
   * @param made in a backup: those that are stored, and on their way to be
   */
  bytes(count: number, made?: number): void;
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
  askNew: AskNew,
  progress: Progress,
  policy: Partial<Policy> = {},
): Promise<BackedUp> {
  const { backup, overStale } = await home.load();
  await checkArchive(folder, target);
  if (overStale) await requireCurrent(home, progress.say);
  const stored = await store(folder, target, backup ?? (await setPasscode(home, askNew, progress.say, policy)), progress);
  await moveQuietly(home, progress.say);
  return stored;
}

/** A device that keeps the backup key takes it to the newer fleet whenever it is at work anyway. What hinders it hinders no backup. */
async function moveQuietly(home: DeviceHome, say: Say): Promise<void> {
  const key = keptKey(await home.load());
  if (key === undefined) return;
  try {
    const moves = await moveWithKey(home, key, say);
    if (moves.length > 0) say('your backup key was moved to the newer fleet, under the same passcode');
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === 'alarm') throw error;
    say(`your backup key was not moved to the newer fleet yet: ${error.message}`);
  }
}

/**
 * A key that came over a bundle which may not be current opens what was encrypted for it and encrypts nothing new: whoever held the
 * newer bundles back might know it. Once a current bundle is seen it is a key like any other.
 * @throws `untrusted-bundle`
 */
function requireCurrent(home: DeviceHome, say: Say): Promise<void> {
  return withFleetKeys(home, say, async (profile, keys) => {
    const why = whyStale(keys);
    if (why !== undefined)
      fail(
        'untrusted-bundle',
        `this device's key was recovered over fleet keys that may not be current, and they still may not be: ${why.words}`,
        {
          check: why.name,
        },
      );
    const { overStale: _, ...rest } = profile;
    await home.save(rest);
  });
}

/** @throws what `archive` throws */
export async function store(folder: string, target: string, header: BackupHeader, progress: Progress): Promise<BackedUp> {
  progress.say(`encrypting ${folder}`);
  progress.bytes(0);
  const archived = await archive(folder, header.recipient, target, (count, made) => progress.bytes(count, made));
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
  const ask = askOnce(bring.ask);
  const restored = async (session: Visit) => {
    const { client, profile } = session;
    if (client.slot(PASSCODE) !== header.slot) fail('pass-refused', 'this backup belongs to another account: log in as its owner');
    const { key, recipient, authority } = await recoverKey(client, { ...bring, ask }, progress.say);
    if (recipient !== header.recipient) fail('malformed', 'this backup was made with another key than the fleet keeps for you');
    await open(from, key, folder, progress);
    const { overStale: _, ...rest } = profile;
    const stale = whyStale(session.keys) !== undefined;
    const kept = { backup: depositAt(session, recipient), owner: spellOwner(key) };
    await home.save({ ...rest, ...kept, ...(stale && { overStale: true }) });
    return { nodesThatLied: authority.liars.length };
  };
  const say = sayOnce(progress.say);
  const places = await withFleetKeys(home, say, async ({ backup }, { entry }) => placesOf(entry, header, backup), header.fleet);
  return firstThatHolds(places, (fleet) => visit(home, say, restored, fleet));
}

export async function open(from: string, key: BackupKey, folder: string, progress: Progress): Promise<void> {
  progress.say(`decrypting into ${folder}`);
  progress.bytes(0);
  await restore(from, key, folder, (count) => progress.bytes(count));
}

function inFleet(header: BackupHeader): Deposit {
  return 'fleet' in header ? header : fail('path', 'no fleet keeps the key of this backup: restore it with its 64-digit key (--key64)');
}
