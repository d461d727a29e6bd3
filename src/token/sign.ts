/** Signatures by keys in the token: raw r || s of 64 bytes (P-256), or 64 bytes (Ed25519, RFC 8032). */
import { createHash } from 'node:crypto';
import { assert } from '../base/errors.ts';
import { type Handle, P11, type Session } from './pkcs11.ts';
import type { KeyKind } from './roles.ts';

/** ECDSA over SHA-256(bytes), hashed on the host: devices differ in which combined mechanisms they have. */
export function sign(session: Session, signingKey: Handle, kind: KeyKind, bytes: Uint8Array): Uint8Array {
  assert(kind === 'p256-sign' || kind === 'ed25519', 'the key is for signing');
  if (kind === 'ed25519') return session.sign({ mechanism: P11.CKM_EDDSA }, signingKey, bytes, 64);
  return session.sign({ mechanism: P11.CKM_ECDSA }, signingKey, createHash('sha256').update(bytes).digest(), 64);
}
