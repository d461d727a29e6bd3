/** A second way to the same backup key, for the drawer: it cannot be guessed, so its guesses are not counted out. */
import { systemRandom } from '../base/ports.ts';
import { DEFAULT_POLICY } from '../client/vault-client.ts';
import { UNLIMITED_GUESSES } from '../vault/policy.ts';
import { generateRecoveryCode, readRecoveryCode } from '../vault/recovery-code.ts';
import { RECOVERY_CODE } from '../vault/slot.ts';
import { expectDeposited, makeNote } from './deposited.ts';
import type { DeviceHome } from './home.ts';
import { spellOwner } from './owner.ts';
import { type Bring, recoverKey } from './recovery.ts';
import type { Say } from './say.ts';
import { depositAt } from './session.ts';
import { visit } from './visit.ts';

/**
 * @param bring what opens the key now
 * @param show called with the new code before it is deposited: a code in force that nobody saw would be in the way
 * @throws what recovering throws
 */
export function makeRecoveryCode(home: DeviceHome, bring: Bring, show: (code: string) => void, say: Say): Promise<void> {
  return visit(home, say, async (session) => {
    const { client, profile } = session;
    client.requireRegistering();
    const { key, recipient } = await recoverKey(client, bring, say);
    const code = generateRecoveryCode(systemRandom).reveal();
    show(code);
    say('depositing the backup key under the recovery code');
    const note = makeNote(recipient);
    const options = {
      note,
      kdf: { kind: 'none' },
      policy: { ...DEFAULT_POLICY, guesses: UNLIMITED_GUESSES },
    } as const;
    expectDeposited(await client.deposit(RECOVERY_CODE, key, readRecoveryCode(code), options), note);
    await home.save({ ...profile, backup: depositAt(session, recipient), owner: spellOwner(key) });
  });
}
