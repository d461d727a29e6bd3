/** A login, and with it a client of the fleet that this device trusts. Every command that talks to the fleet has one. */
import { z } from 'zod';
import type { Deposit } from '../backup/header.ts';
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Fetch } from '../client/fleet-http.ts';
import { type ClientKey, generateClientKey } from '../client/key.ts';
import { memoFiles, nativeArgon2id } from '../client/node/index.ts';
import { VaultClient } from '../client/vault-client.ts';
import { type EntryFleet, type FleetEntry, fleetById } from '../fleet/entry.ts';
import { clientKeyJwk } from '../vault/client-key.ts';
import { PASSCODE } from '../vault/slot.ts';
import type { FleetKeys } from './fleet-keys.ts';
import type { DeviceHome, Profile } from './home.ts';

export interface DeviceSession {
  readonly client: VaultClient;
  readonly keys: FleetKeys;
  readonly entry: FleetEntry;
  /** The fleet that the client talks to, with what the entry says of its nodes. */
  readonly fleet: EntryFleet;
}

/** What a backup says of its key's place. */
export function depositAt({ client, entry }: DeviceSession, recipient: string): Deposit {
  return { fleet: client.fleet, entry: entry.digest, slot: client.slot(PASSCODE), recipient };
}

const LOGIN_LIMIT_MS = 10_000;
const loginReply = z.object({ pass: z.string() });

/** @throws `wrong-fleet` when the entry does not name this fleet */
export async function openSession(home: DeviceHome, profile: Profile, keys: FleetKeys, fleet: Id, fetch: Fetch): Promise<DeviceSession> {
  const { entry, learned } = keys;
  const chosen = fleetById(entry, fleet, profile);
  const clientKey = await generateClientKey();
  const client = new VaultClient({
    ...(learned === undefined ? { entry, fleet, allowSimulated: profile.allowSimulated } : { learned }),
    tenant: profile.tenant,
    pass: await login(fetch, profile, clientKey),
    clientKey,
    memos: memoFiles(home.memosOf(fleet)),
    fetch,
    argon2id: nativeArgon2id,
  });
  return { client, keys, entry, fleet: chosen };
}

async function login(fetch: Fetch, { accounts, user }: Profile, key: ClientKey): Promise<Secret<string>> {
  const response = await fetch(`${accounts.replace(/\/$/, '')}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, clientKey: clientKeyJwk(key.publicKey) }),
    signal: AbortSignal.timeout(LOGIN_LIMIT_MS),
  }).catch((error: unknown) => fail('pass-refused', `the account service at ${accounts} cannot be reached`, {}, error));
  if (!response.ok) return fail('pass-refused', `the account service refused the login of ${user}`, { status: response.status });
  return new Secret(loginReply.parse(await response.json()).pass);
}
