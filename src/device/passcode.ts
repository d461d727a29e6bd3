/** The passcode of the account: the first one, and changes. */
import type { Deposit } from '../backup/header.ts';
import { recipientOf } from '../backup/key.ts';
import { fail } from '../base/errors.ts';
import { systemRandom } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { DEFAULT_POLICY, type VaultClient } from '../client/vault-client.ts';
import { choosePasscode } from '../vault/passcode.ts';
import type { Policy } from '../vault/policy.ts';
import type { Registration } from '../vault/registration.ts';
import { PASSCODE } from '../vault/slot.ts';
import { expectDeposited, makeNote } from './deposited.ts';
import type { DeviceHome } from './home.ts';
import { ownerIn, spellOwner } from './owner.ts';
import { type AskNew, type Bring, recoverKey } from './recovery.ts';
import type { Say } from './say.ts';
import { depositAt } from './session.ts';
import { visit } from './visit.ts';

/**
 * Makes a backup key and deposits it under a new passcode.
 * @param policy where it differs from the client's default
 * @param anew also when the account has one already: at once where this device keeps its owner key, else after the waiting time
 * @throws `not-allowed` when the account has a key already; `weak-passcode`; `cooling-off`, `no-quorum`
 */
export async function setPasscode(
  home: DeviceHome,
  askNew: AskNew,
  say: Say,
  policy: Partial<Policy> = {},
  anew = false,
): Promise<Deposit> {
  const { backup: known } = await home.load();
  if (!anew && known !== undefined) return fail('not-allowed', 'this account has a passcode: holdfast passcode change');
  return visit(home, say, async (session) => {
    const { client, profile } = session;
    // What was begun before was just finished.
    if (!anew && profile.backup !== undefined) return profile.backup;
    // Another device's key is not superseded unasked: it opens the backups made so far.
    if (!anew && (await inForce(client)) !== undefined) {
      return fail(
        'not-allowed',
        'this account has a backup key already: bring it to this device with holdfast restore, or holdfast passcode change',
      );
    }
    client.requireRegistering();
    const input = await chosen(askNew, profile.user);
    say('depositing a new backup key with the fleet');
    const key = new Secret(systemRandom(32));
    const recipient = await recipientOf(key);
    const note = makeNote(recipient);
    // A new backup key has another owner key: the one of the key that is given up approves it, where this device keeps it.
    const owner = ownerIn(profile);
    const options = { note, policy: { ...DEFAULT_POLICY, ...policy }, ...(owner && { owner }) };
    const backup = depositAt(session, recipient);
    expectDeposited(await client.deposit(PASSCODE, key, input, options), note);
    await home.save({ ...profile, backup, owner: spellOwner(key) });
    return backup;
  });
}

/**
 * The same backup key under another passcode, at once: whoever has the backup key is the owner.
 * @param bring the old passcode, or the recovery code
 * @throws what recovering throws; `weak-passcode`
 */
export function changePasscode(home: DeviceHome, bring: Bring, askNew: AskNew, say: Say): Promise<Deposit> {
  return visit(home, say, async (session) => {
    const { client, profile } = session;
    client.requireRegistering();
    const { key, recipient } = await recoverKey(client, bring, say);
    const input = await chosen(askNew, profile.user);
    const replaces = await inForce(client);
    say('depositing the backup key under the new passcode');
    const note = makeNote(recipient);
    const options = { note, policy: replaces?.core.policy ?? DEFAULT_POLICY };
    expectDeposited(await client.deposit(PASSCODE, key, input, options), note);
    const backup = depositAt(session, recipient);
    await home.save({ ...profile, backup, owner: spellOwner(key) });
    return backup;
  });
}

async function inForce(client: VaultClient): Promise<Registration | undefined> {
  const { registration } = await client.status(PASSCODE);
  return registration?.core.tombstone === false ? registration : undefined;
}

async function chosen(askNew: AskNew, user: string) {
  const check = (typed: string) => choosePasscode(typed, [user]);
  return check(await askNew(check));
}
