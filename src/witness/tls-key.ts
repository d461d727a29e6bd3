/**
 * The TLS key of both listeners: in a file that `holdfast witness setup` makes, or in a token of its own. Not in the token of
 * the log and witness keys: OpenSSL's engine (libp11 0.4) finds no key in a token that also holds an Ed25519 one. Nobody's
 * trust in a log rests on TLS; who takes this key can withhold what is served, and read who asks for what.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fail } from '../base/errors.ts';
import { type Obtaining, obtainPin } from '../custody/pin.ts';
import { readNamed } from '../files/configuration.ts';
import { writeWhole } from '../files/files.ts';
import { type KeySpec, NODE_KEYS, openCreation, openSigners, type Signers, type TokenConfig, tlsEngineOptions } from '../token/index.ts';
import type { TlsKey } from '../web/credentials.ts';
import type { Config } from './config.ts';

/** By this label the engine finds it. */
const TLS_KEY: KeySpec = NODE_KEYS.tls;

async function tokenOf({ token, public: { tlsToken } }: Config, obtaining: Obtaining): Promise<TokenConfig | undefined> {
  if (tlsToken === undefined) return undefined;
  const { module, initString } = token;
  const pin = await obtainPin(tlsToken, { ...obtaining, key: 'public.tlsToken' });
  return { module, label: tlsToken.label, pin, ...(initString && { initString }) };
}

/** Makes the key if there is none. @returns its public half, 33 bytes @throws `configuration`, `token-unsuitable` */
export async function makeTlsKey(config: Config, obtaining: Obtaining): Promise<Uint8Array> {
  const token = await tokenOf(config, obtaining);
  if (token === undefined) return makeKeyFile(config.public.tlsKeyFile ?? '');
  const creation = openCreation(token);
  try {
    if (!creation.has(TLS_KEY)) creation.createKey(TLS_KEY);
    return creation.readBack(TLS_KEY).publicKey ?? fail('token-unsuitable', 'the TLS key has no public half', { label: TLS_KEY.label });
  } finally {
    creation.close();
  }
}

/** A P-256 key in a PEM file, made if it is not there. @returns its public half, 33 bytes @throws `configuration` */
export function makeKeyFile(file: string): Uint8Array {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeWhole(file, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  }
  const { x, y, crv } = createPublicKey(read(file)).export({ format: 'jwk' });
  if (crv !== 'P-256' || x === undefined || y === undefined) return fail('configuration', `public.tlsKeyFile: ${file} holds no P-256 key`);
  const [abscissa, ordinate] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return Uint8Array.from([2 + ((ordinate.at(-1) as number) & 1), ...abscissa]);
}

function read(file: string): KeyObject {
  try {
    return createPrivateKey(readNamed(file, 'public.tlsKeyFile'));
  } catch (error) {
    return fail('configuration', `public.tlsKeyFile: ${file} is no PEM key`, {}, error);
  }
}

export interface OpenTlsKey {
  /** For `fileCredentials`; what is in a file is read there. */
  readonly key: TlsKey;
  readonly token: Pick<Signers, 'state' | 'moduleRestarts'> | undefined;
  close(): Promise<void>;
}

/** The engine needs the token open in this process. @throws like `openSigners` */
export async function openTlsKey(config: Config, obtaining: Obtaining): Promise<OpenTlsKey> {
  const place = await tokenOf(config, obtaining);
  if (place === undefined) return { key: {}, token: undefined, close: async () => undefined };
  const token = await openSigners(place, [TLS_KEY]);
  return { key: tlsEngineOptions(place), token, close: () => token.close() };
}
