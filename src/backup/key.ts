/**
 * The backup key is an age identity: 32 bytes (age-encryption.org/v1, "The X25519 recipient type"), spelled in Bech32. With
 * the recipient alone a device makes backups; only the identity opens them, here or with the `age` command.
 */
import { bech32 } from '@scure/base';
import { identityToRecipient } from 'age-encryption';
import { assert } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';

export type BackupKey = Secret<Uint8Array>;

/** "AGE-SECRET-KEY-1...": opens the backups in any tool that reads age files. */
export function identityOf(key: BackupKey): Secret<string> {
  const bytes = key.reveal();
  assert(bytes.length === 32, 'a backup key has 32 bytes');
  return new Secret(bech32.encodeFromBytes('AGE-SECRET-KEY-', bytes).toUpperCase());
}

/** "age1...": public; encrypts new backups. */
export function recipientOf(key: BackupKey): Promise<string> {
  return identityToRecipient(identityOf(key).reveal());
}
