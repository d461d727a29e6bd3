/** A login, and with it a client of the fleet that this device trusts. Every command that talks to the fleet has one. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Deposit } from '../backup/header.ts';
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Fetch } from '../client/fleet-http.ts';
import { type ClientKey, generateClientKey } from '../client/key.ts';
import { fetchWith, memoFiles, nativeArgon2id } from '../client/node/index.ts';
import { VaultClient } from '../client/vault-client.ts';
import { type EntryFleet, type FleetEntry, fleetById, parseEntry } from '../fleet/entry.ts';
import { clientKeyJwk } from '../vault/client-key.ts';
import { PASSCODE } from '../vault/slot.ts';
import type { DeviceHome, Profile } from './home.ts';

export interface DeviceSession {
  readonly client: VaultClient;
  readonly entry: FleetEntry;
  /** The fleet that the client talks to, with what the entry says of its nodes. */
  readonly fleet: EntryFleet;
  close(): Promise<void>;
}

/** What a backup says of its key's place. */
export function depositAt({ client, entry }: DeviceSession, recipient: string): Deposit {
  return { fleet: client.fleet, entry: entry.digest, slot: client.slot(PASSCODE), recipient };
}

const LOGIN_LIMIT_MS = 10_000;
const loginReply = z.object({ pass: z.string() });

/** @param fleet the fleet that a backup names; by default the entry's active one */
export async function openSession(home: DeviceHome, profile: Profile, fleet?: Id): Promise<DeviceSession> {
  const entry = parseEntry(await readFile(profile.entryFile, 'utf8'));
  const ca = profile.caFile === undefined ? undefined : await readFile(profile.caFile, 'utf8');
  const web = fetchWith(ca);
  try {
    const clientKey = await generateClientKey();
    const client = new VaultClient({
      entry,
      ...(fleet !== undefined && { fleet }),
      allowSimulated: profile.allowSimulated,
      tenant: profile.tenant,
      pass: await login(web.fetch, profile, clientKey),
      clientKey,
      memos: memoFiles(home.memos),
      fetch: web.fetch,
      argon2id: nativeArgon2id,
    });
    return { client, entry, fleet: fleetById(entry, client.fleet, profile), close: web.close };
  } catch (error) {
    await web.close();
    throw error;
  }
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
