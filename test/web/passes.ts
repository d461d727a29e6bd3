/** An account service for tests: a key pair, and passes of any content. */
import { createECDH } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { idToBytes, toBase64url } from '../../src/base/bytes.ts';
import { clientKeyId } from '../../src/vault/client-key.ts';

export const ISSUER = 'https://accounts.example.org';
export const AUDIENCE = 'holdfast';

export function newClientKey(): Uint8Array {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  return Uint8Array.from(ecdh.getPublicKey(null, 'compressed'));
}

export const thumbprint = (clientKey: Uint8Array): string => toBase64url(idToBytes(clientKeyId(clientKey)));

export async function newIssuer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] };
  const sign = (claims: JWTPayload, header = { alg: 'ES256', kid: 'one' }) =>
    new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
  return { jwks, sign };
}

/** The claims of a good pass at `now`, milliseconds since 1970. */
export function claims(clientKey: Uint8Array, now: number, subject = 'alice'): JWTPayload {
  return { iss: ISSUER, aud: AUDIENCE, sub: subject, exp: Math.floor(now / 1000) + 900, cnf: { jkt: thumbprint(clientKey) } };
}
