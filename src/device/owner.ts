/**
 * The owner key on this device. It is kept after the first backup or restore, so that the person decides about the account
 * from here without typing a passcode that somebody else may have locked. It approves and objects; it opens no backup.
 */

import type { BackupKey } from '../backup/key.ts';
import { equalBytes, fromBase64url, toBase64url } from '../base/bytes.ts';
import { Secret } from '../base/secret.ts';
import { ownerFrom } from '../client/open.ts';
import type { VaultClient } from '../client/vault-client.ts';
import type { Objector } from '../quorum/client/cancel.ts';
import type { Owner } from '../quorum/client/effects.ts';
import { ownerScalar } from '../vault/owner-key.ts';
import { SINGLE_WAYS } from '../vault/slot.ts';
import type { Profile } from './home.ts';

/** As the profile keeps it. */
export function spellOwner(key: BackupKey): string {
  return toBase64url(ownerScalar(key).reveal());
}

export function ownerIn({ owner }: Profile): Owner | undefined {
  return owner === undefined ? undefined : ownerFrom(new Secret(fromBase64url(owner)));
}

/** The backup key, where the person has it kept here (key.ts). */
export function keptKey({ key }: Profile): BackupKey | undefined {
  return key === undefined ? undefined : new Secret(fromBase64url(key));
}

/** @returns nothing when no registration in force names this device's owner key */
export async function objectorIn(profile: Profile, client: VaultClient): Promise<Objector | undefined> {
  const owner = ownerIn(profile);
  if (owner === undefined) return undefined;
  for (const way of SINGLE_WAYS) {
    const { registration } = await client.status(way);
    if (registration !== undefined && equalBytes(registration.core.ownerKey, owner.publicKey)) return { registration, owner };
  }
  return undefined;
}
