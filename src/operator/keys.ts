/**
 * The operator's keys, in tokens: the cosigning key that countersigns checkpoints, release keys that sign entries, and the TLS
 * key that the witness knows. Release keys are opened only for as long as they sign.
 */
import { statSync } from 'node:fs';
import { equalBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { waitForCustodians } from '../custody/wait.ts';
import type { SignBytes, Vkey } from '../log/vkey.ts';
import { type KeySpec, NODE_KEYS, openSigner, type TokenConfig, tlsEngineOptions } from '../token/index.ts';
import { type OperatorConfig, readNamed, type TokenPlace } from './config.ts';
import type { WebOptions } from './web.ts';

/** Countersigns checkpoints: never the key that signs entries. */
export const OPERATOR_KEY: KeySpec = { label: 'holdfast-operator', kind: 'ed25519' };
/** Unless the configuration names another. */
export const RELEASE_KEY: KeySpec = { label: 'holdfast-release', kind: 'ed25519' };

/** Told what people have to do. */
export type Say = (words: string) => void;

async function tokenOf({ module, label, pinFile, custodians, profile, initString }: TokenPlace, say: Say): Promise<TokenConfig> {
  const pin = custodians === undefined ? readPin(pinFile ?? '') : await fromCustodians(label, custodians, say);
  return { module, label, pin, ...(profile && { profile }), ...(initString && { initString }) };
}

function fromCustodians(token: string, { socket, ceremony }: NonNullable<TokenPlace['custodians']>, say: Say): Promise<Secret<string>> {
  return waitForCustodians(
    { ceremony, token, socket },
    ({ given, needed }, refused) => say(refused === undefined ? `${given.length} of ${needed} have come` : `refused: ${refused.message}`),
    () => say(`custodians of ${token} (ceremony ${ceremony}) give their cards: holdfast custodian give --socket ${socket}`),
    new AbortController().signal,
  );
}

function readPin(file: string): Secret<string> {
  const others = statSync(file, { throwIfNoEntry: false });
  if (others === undefined) return fail('configuration', `pinFile: ${file} cannot be read`);
  if ((others.mode & 0o077) !== 0) fail('configuration', `pinFile: others may read ${file}: chmod 600`);
  const [pin] = readNamed(file, 'pinFile').split(/\r?\n/, 1);
  return pin ? new Secret(pin) : fail('configuration', `pinFile: ${file} is empty`);
}

export interface Cosigning {
  readonly sign: SignBytes;
  close(): Promise<void>;
}

/** @param vkey what the roots name @throws `configuration` when the token has another key */
export async function openCosigningKey({ token }: OperatorConfig, vkey: Vkey, say: Say): Promise<Cosigning> {
  const signer = await openSigner(await tokenOf(token, say), OPERATOR_KEY);
  if (equalBytes(signer.publicKey, vkey.key)) return { sign: (bytes) => signer.sign(bytes), close: () => signer.close() };
  await signer.close();
  return fail('configuration', "token: its cosigning key is not the operator's key of the roots", { label: token.label });
}

/**
 * Has the release keys at hand sign, one token after the other, as many as are needed.
 * @param wanted the release keys of the roots @returns what each of them signed
 * @throws `configuration` when too few of the roots' keys are at hand
 */
export async function signWithReleaseKeys<T>(
  { release }: OperatorConfig,
  wanted: { readonly threshold: number; readonly keys: readonly Vkey[] },
  sign: (vkey: Vkey, by: SignBytes) => Promise<T>,
  say: Say,
): Promise<T[]> {
  const signed = new Map<string, T>();
  for (const { key, ...place } of release) {
    if (signed.size === wanted.threshold) break;
    const signer = await openSigner(await tokenOf(place, say), { ...RELEASE_KEY, label: key });
    try {
      const vkey = wanted.keys.find((one) => equalBytes(one.key, signer.publicKey));
      if (vkey !== undefined && !signed.has(vkey.text)) signed.set(vkey.text, await sign(vkey, (bytes) => signer.sign(bytes)));
    } finally {
      await signer.close();
    }
  }
  if (signed.size < wanted.threshold)
    fail('configuration', 'release: fewer release keys of the roots are at hand than the roots want', {
      wanted: wanted.threshold,
      found: signed.size,
    });
  return [...signed.values()];
}

export interface OperatorTls {
  readonly credentials: NonNullable<WebOptions['credentials']>;
  close(): Promise<void>;
}

/** What this side shows the witness. A TLS key in a token is used by OpenSSL's engine while the token is open here. */
export async function openTls({ tls: { certificateFile, keyFile, token } }: OperatorConfig): Promise<OperatorTls> {
  const cert = readNamed(certificateFile, 'tls.certificateFile');
  if (token === undefined) return { credentials: { cert, key: readNamed(keyFile ?? '', 'tls.keyFile') }, close: async () => undefined };
  const opened = await openSigner(await tokenOf(token, () => undefined), NODE_KEYS.tls);
  return { credentials: { cert, ...tlsEngineOptions(token) }, close: () => opened.close() };
}
