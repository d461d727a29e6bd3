/**
 * The TLS key of both listeners: in a file that `holdfast witness setup` makes, or in a token of its own. Not in the token of
 * the log and witness keys: OpenSSL's engine (libp11 0.4) finds no key in a token that also holds an Ed25519 one. Nobody's
 * trust in a log rests on TLS; who takes this key can withhold what is served, and read who asks for what.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { fail } from '../base/errors.ts';
import { type KeySpec, NODE_KEYS, openCreation, openSigners, type Signers, type TokenConfig, tlsEngineOptions } from '../token/index.ts';
import type { TlsKey } from '../web/credentials.ts';
import { type Config, readNamed } from './config.ts';
import { readPin } from './keys.ts';

/** By this label the engine finds it. */
const TLS_KEY: KeySpec = NODE_KEYS.tls;

function tokenOf({ token, public: { tlsToken } }: Config): TokenConfig | undefined {
  if (tlsToken === undefined) return undefined;
  const { module, initString } = token;
  return { module, label: tlsToken.label, pin: readPin(tlsToken.pinFile), ...(initString && { initString }) };
}

/** Makes the key if there is none. @returns its public half, 33 bytes @throws `configuration`, `token-unsuitable` */
export function makeTlsKey(config: Config): Uint8Array {
  const token = tokenOf(config);
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
    const handle = openSync(`${file}.new`, 'w', 0o600);
    writeFileSync(handle, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    fsyncSync(handle);
    closeSync(handle);
    renameSync(`${file}.new`, file);
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
export async function openTlsKey(config: Config): Promise<OpenTlsKey> {
  const place = tokenOf(config);
  if (place === undefined) return { key: {}, token: undefined, close: async () => undefined };
  const token = await openSigners(place, [TLS_KEY]);
  return { key: tlsEngineOptions(place), token, close: () => token.close() };
}
