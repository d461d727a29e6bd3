/** The backup key itself: for other tools, and kept on this device. Only for the person who asks for it in so many words. */
import { bech32 } from '@scure/base';
import { type BackupKey, identityOf } from '../backup/key.ts';
import { toBase64url } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { DeviceHome } from './home.ts';
import { readKey64, spellKey64 } from './key64.ts';
import { type Bring, recoverKey } from './recovery.ts';
import type { Say } from './say.ts';
import { visit } from './visit.ts';

export interface ShownKey {
  /** "AGE-SECRET-KEY-1...", what `age -i` takes. */
  readonly identity: Secret<string>;
  /** The same key as 64 digits. */
  readonly digits: Secret<string>;
  readonly recipient: string;
}

/** @throws what recovering throws */
export function showKey(home: DeviceHome, bring: Bring, say: Say): Promise<ShownKey> {
  return visit(home, say, async ({ client }) => {
    const { key, recipient } = await recoverKey(client, bring, say);
    return { identity: identityOf(key), digits: spellKey64(key), recipient };
  });
}

/**
 * Keeps the backup key on this device, so that it moves to a newer fleet by itself. Whoever has this device's files then opens all
 * backups, and with a login can test passcodes against the registration without counting.
 * @throws what recovering throws; `not-allowed` when this device backs up under another key
 */
export function keepKey(home: DeviceHome, bring: Bring, say: Say): Promise<void> {
  return visit(home, say, async ({ client, profile }) => {
    const { key, recipient } = await recoverKey(client, bring, say);
    if (profile.backup !== undefined && profile.backup.recipient !== recipient)
      fail('not-allowed', 'this device backs up under another key: restore from a backup first');
    await home.save({ ...profile, key: toBase64url(key.reveal()) });
  });
}

/** @returns whether there was one */
export async function forgetKey(home: DeviceHome): Promise<boolean> {
  const { key, ...rest } = await home.load();
  await home.save(rest);
  return key !== undefined;
}

/** A backup key as a person has it: an age identity, or 64 digits. @throws `malformed` */
export function readBackupKey(typed: string): BackupKey {
  const text = typed.trim().toUpperCase();
  if (!text.startsWith('AGE-SECRET-KEY-')) return readKey64(typed);
  try {
    return new Secret(bech32.decodeToBytes(text).bytes);
  } catch (error) {
    return fail('malformed', 'the age identity is mistyped', {}, error);
  }
}
