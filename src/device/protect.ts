/**
 * What a person does with a device: back a folder up, and get it back. The first backup makes the backup key, deposits it
 * with the fleet under the passcode, and keeps only the recipient; later ones ask nothing and nobody.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Archived, archive } from '../backup/archive.ts';
import { type BackupHeader, HEADER_FILE, parseHeader, spellHeader } from '../backup/header.ts';
import { recipientOf } from '../backup/key.ts';
import { restore } from '../backup/restore.ts';
import { fail } from '../base/errors.ts';
import { systemRandom } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { DEFAULT_POLICY } from '../client/vault-client.ts';
import type { Recovered } from '../quorum/client/recover.ts';
import { choosePasscode, normalisePasscode } from '../vault/passcode.ts';
import type { Policy } from '../vault/policy.ts';
import { PASSCODE } from '../vault/slot.ts';
import { expectDeposited } from './deposited.ts';
import type { DeviceHome, Profile } from './home.ts';
import { type DeviceSession, openSession } from './session.ts';

/** Asks for the passcode, only when it is needed. */
export type AskPasscode = () => Promise<string>;

export interface Progress {
  say(line: string): void;
  bytes(count: number): void;
}

/** @param policy for the first deposit, where it differs from the client's default */
export async function backUp(
  home: DeviceHome,
  folder: string,
  target: string,
  askPasscode: AskPasscode,
  progress: Progress,
  policy: Partial<Policy> = {},
): Promise<Archived & { header: BackupHeader }> {
  const profile = await home.load();
  const header = profile.backup ?? (await depositNewKey(home, profile, askPasscode, progress, policy));
  await mkdir(target, { recursive: true, mode: 0o700 });
  const archived = await archive(folder, header.recipient, target, (count) => progress.bytes(count));
  await writeFile(join(target, HEADER_FILE), spellHeader(header), { mode: 0o600 });
  return { ...archived, header };
}

async function depositNewKey(
  home: DeviceHome,
  profile: Profile,
  askPasscode: AskPasscode,
  progress: Progress,
  policy: Partial<Policy>,
): Promise<BackupHeader> {
  const session = await openSession(home, profile);
  try {
    const { client } = session;
    const { registration } = await client.status(PASSCODE);
    // A second key would supersede the one that opens the backups made so far; an unfinished deposit of this device may go on.
    if (registration !== undefined && !registration.core.tombstone && !(await client.hasUnfinished(PASSCODE))) {
      return fail('not-allowed', 'this account has a backup key already: restore from a backup first, then back up from here');
    }
    const input = await choosePasscode(await askPasscode(), [profile.user]);
    progress.say('depositing a new backup key with the fleet');
    const key = new Secret(systemRandom(32));
    const note = await recipientOf(key);
    const done = expectDeposited(await client.deposit(PASSCODE, key, input, { note, policy: { ...DEFAULT_POLICY, ...policy } }));
    // An interrupted deposit of before was finished instead: then its key is the one that counts.
    const header = headerOf(session, done.note ?? note);
    await home.save({ ...profile, backup: header });
    return header;
  } finally {
    await session.close();
  }
}

/** @throws `wrong-passcode`, `locked`, `not-found`, `no-quorum`, and what `restore` throws */
export async function restoreBackup(
  home: DeviceHome,
  from: string,
  folder: string,
  askPasscode: AskPasscode,
  progress: Progress,
): Promise<{ nodesThatLied: number }> {
  const profile = await home.load();
  const text = await readFile(join(from, HEADER_FILE), 'utf8').catch(() => fail('not-found', `${from} holds no ${HEADER_FILE}`));
  const header = parseHeader(text);
  const session = await openSession(home, profile, header.fleet);
  try {
    if (session.client.slot(PASSCODE) !== header.slot) fail('pass-refused', 'this backup belongs to another account: log in as its owner');
    const input = normalisePasscode(await askPasscode());
    progress.say('asking the fleet for the backup key');
    const recovered = expectOpened(await session.client.recover(PASSCODE, input));
    const key = new Secret(recovered.opened.secret);
    if ((await recipientOf(key)) !== header.recipient)
      fail('malformed', 'this backup was made with another key than the fleet keeps for you');
    await restore(from, key, folder, (count) => progress.bytes(count));
    await home.save({ ...profile, backup: header });
    return { nodesThatLied: recovered.liars.length };
  } finally {
    await session.close();
  }
}

function headerOf({ client, entry }: DeviceSession, recipient: string): BackupHeader {
  return { fleet: client.fleet, entry: entry.digest, slot: client.slot(PASSCODE), recipient };
}

export function expectOpened(recovered: Recovered): Extract<Recovered, { kind: 'opened' }> {
  switch (recovered.kind) {
    case 'opened':
      return recovered;
    case 'wrong': {
      const { guessesLeft, sure } = recovered;
      const left = `${guessesLeft} ${guessesLeft === 1 ? 'guess is' : 'guesses are'} left`;
      const doubt = 'or a node answered falsely: too few answered to tell. Try the same passcode again when more are up; it costs nothing';
      return fail('wrong-passcode', sure ? `the passcode is wrong; ${left}` : `the passcode is wrong (${left}), ${doubt}`, {
        guessesLeft,
        sure,
      });
    }
    case 'locked':
      return fail('locked', 'all guesses are used up: the fleet has locked this passcode for good');
    case 'nothing':
      return fail('not-found', 'the fleet holds no backup key for this account');
    case 'unfinished':
      return fail('no-quorum', 'too few nodes answered; no other guess was made, and the same passcode goes on with this one', {
        refused: recovered.refusals.map(({ refusal }) => refusal.refused).join(', '),
      });
  }
}
