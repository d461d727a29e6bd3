/** People of the bench: an account each, logged in, with a passcode. Their clients come in two kinds (full-client.ts, raw-client.ts). */
import { type ClientKey, clientKeyJwk, DEFAULT_POLICY, generateClientKey, normalisePasscode, Secret } from '../../src/client/index.ts';

export interface Account {
  readonly user: string;
  readonly clientKey: ClientKey;
  readonly pass: Secret<string>;
}

/** What a client of either kind does; each is one account's, and one call at a time. */
export interface BenchClient {
  /** @throws unless the registration is in force at a quorum */
  register(): Promise<void>;
  /** @throws unless the fleet answered, and acknowledged the success */
  recover(): Promise<void>;
  /** One guess, and nothing that tells the fleet that it was right, but for what refills the guesses. @throws unless it was certified */
  attempt(): Promise<void>;
}

/** Small waiting times; what hardening costs is the client's, and asked for with KDF_MIN. */
export const BENCH_POLICY = { ...DEFAULT_POLICY, coolingOffSeconds: 3600, graceSeconds: 0 };
export const INPUT = normalisePasscode('271828');

/** @param accounts URL of the account service */
export async function logIn(accounts: string, user: string): Promise<Account> {
  const clientKey = await generateClientKey();
  const response = await fetch(`${accounts}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, clientKey: clientKeyJwk(clientKey.publicKey) }),
  });
  const { pass } = (await response.json()) as { pass: string };
  return { user, clientKey, pass: new Secret(pass) };
}
