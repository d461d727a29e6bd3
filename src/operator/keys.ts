/**
 * The operator's keys, in tokens: the cosigning key that countersigns checkpoints, release keys that sign entries, and the TLS
 * key that the witness knows. Release keys are opened only for as long as they sign.
 */
import { equalBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Obtaining, obtainPin } from '../custody/pin.ts';
import type { TokenPlace } from '../custody/place.ts';
import { readNamed } from '../files/configuration.ts';
import type { SignBytes, Vkey } from '../log/vkey.ts';
import { type KeySpec, NODE_KEYS, openSigner, type TokenConfig, tlsEngineOptions } from '../token/index.ts';
import type { OperatorConfig } from './config.ts';
import type { WebOptions } from './web.ts';

/** Countersigns checkpoints: never the key that signs entries. */
export const OPERATOR_KEY: KeySpec = { label: 'holdfast-operator', kind: 'ed25519' };
/** Unless the configuration names another. */
export const RELEASE_KEY: KeySpec = { label: 'holdfast-release', kind: 'ed25519' };

async function tokenOf(place: TokenPlace, obtaining: Obtaining): Promise<TokenConfig> {
  const { module, label, profile, initString } = place;
  const pin = await obtainPin(place, obtaining);
  return { module, label, pin, ...(profile && { profile }), ...(initString && { initString }) };
}

export interface Cosigning {
  readonly sign: SignBytes;
  close(): Promise<void>;
}

/** @param vkey what the roots name @throws `configuration` when the token has another key */
export async function openCosigningKey({ token }: OperatorConfig, vkey: Vkey, obtaining: Obtaining): Promise<Cosigning> {
  const signer = await openSigner(await tokenOf(token, obtaining), OPERATOR_KEY);
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
  obtaining: Obtaining,
): Promise<T[]> {
  const signed = new Map<string, T>();
  for (const [i, { key, ...place }] of release.entries()) {
    if (signed.size === wanted.threshold) break;
    const signer = await openSigner(await tokenOf(place, { ...obtaining, key: `release.${i}` }), { ...RELEASE_KEY, label: key });
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
export async function openTls({ tls: { certificateFile, keyFile, token } }: OperatorConfig, obtaining: Obtaining): Promise<OperatorTls> {
  const cert = readNamed(certificateFile, 'tls.certificateFile');
  if (token === undefined) return { credentials: { cert, key: readNamed(keyFile ?? '', 'tls.keyFile') }, close: async () => undefined };
  const place = await tokenOf(token, { ...obtaining, key: 'tls.token' });
  const opened = await openSigner(place, NODE_KEYS.tls);
  return { credentials: { cert, ...tlsEngineOptions(place) }, close: () => opened.close() };
}
