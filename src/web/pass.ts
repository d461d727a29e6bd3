/**
 * Passes: the account service's word for who asks (a JWT, RFC 7519). Every node checks every pass itself, at both of its
 * listeners, before anything else is done for its bearer. A pass names a client key (`cnf.jkt`), and without a signature of
 * that key it is worth nothing: a coordinator that sees passes cannot use them.
 *
 * Whoever holds the account service's signing key can log in as anyone: spend guesses, and announce replacements that the
 * owner can cancel. No secret of a backup follows from a pass.
 *
 * Refused: another issuer or audience, an algorithm outside the list, a pass without `exp`, `sub` or `cnf.jkt`, and one that
 * names another key than the client's. Neither pass nor claims are ever repeated in an error.
 */
import { hash } from 'node:crypto';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { equalBytes, type Id, idToBytes, toBase64url } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Caller } from '../quorum/ask.ts';
import { clientKeyId } from '../vault/client-key.ts';
import { accountId, type WayIn } from '../vault/slot.ts';

export interface PassRules {
  /** The vault's namespace: account ids are made within it. */
  readonly namespace: string;
  /** `iss` of every pass. */
  readonly issuer: string;
  /** `aud` of every pass. */
  readonly audience: string;
  /** Whose accounts the issuer's are. */
  readonly tenant: string;
  /** The issuer's public keys, or where to fetch them. */
  readonly jwks: JSONWebKeySet | URL;
}

/** Signatures by a public key only: with an HMAC on the list a node could make passes for other nodes. */
const PASS_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'];

/** Verified passes that are remembered; a pass serves several requests, and each costs a signature check. */
const CACHE_MAX = 10_000;
/** A key that the issuer withdrew is not believed for longer than this. */
const CACHE_MS = 60_000;
const CLOCK_TOLERANCE_SECONDS = 5;
/** vault/slot.ts bounds a subject. */
const SUBJECT_BYTES_MAX = 255;

interface Verified {
  readonly account: Id;
  readonly thumbprint: string;
  /** The client key of this thumbprint, once it was shown. */
  clientKey?: { readonly bytes: Uint8Array; readonly id: Id };
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
  readonly forgetMs: number;
}

export interface Passes {
  /**
   * @param clientKey 33 bytes
   * @throws `pass-refused`; `overloaded` while the issuer's keys cannot be fetched
   */
  check(pass: string, way: WayIn, clientKey: Uint8Array): Promise<Caller>;
}

export function makePasses(rules: PassRules, clock: Clock): Passes {
  const keys: JWTVerifyGetKey =
    rules.jwks instanceof URL ? createRemoteJWKSet(rules.jwks, { timeoutDuration: 3000 }) : createLocalJWKSet(rules.jwks);
  const cache = new Map<string, Verified>();

  async function verified(pass: string): Promise<Verified> {
    const name = hash('sha256', pass);
    const now = clock();
    const known = cache.get(name);
    if (known !== undefined && now < Math.min(known.expiresMs, known.forgetMs)) return known;
    cache.delete(name);
    const fresh = await verify(pass, keys, rules, now);
    cache.set(name, fresh);
    if (cache.size > CACHE_MAX) cache.delete(cache.keys().next().value ?? name);
    return fresh;
  }

  return {
    async check(pass, way, clientKey) {
      const found = await verified(pass);
      const place = { tenant: rules.tenant, account: found.account, way };
      return { place, clientKey, clientKeyId: boundKey(found, clientKey), pass: new Secret(pass) };
    },
  };
}

/** The thumbprint of a key takes a square root, and a pass is shown many times with the same one. */
function boundKey(verified: Verified, clientKey: Uint8Array): Id {
  const { clientKey: known, thumbprint } = verified;
  if (known !== undefined && equalBytes(known.bytes, clientKey)) return known.id;
  const id = clientKeyId(clientKey);
  if (toBase64url(idToBytes(id)) !== thumbprint) fail('pass-refused', 'the pass names another client key (cnf.jkt)');
  verified.clientKey = { bytes: clientKey, id };
  return id;
}

async function verify(pass: string, keys: JWTVerifyGetKey, { namespace, issuer, audience }: PassRules, now: number): Promise<Verified> {
  const { payload } = await jwtVerify(pass, keys, {
    issuer,
    audience,
    algorithms: PASS_ALGORITHMS,
    requiredClaims: ['exp', 'sub', 'cnf'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    currentDate: new Date(now),
  }).catch(refuse);
  const { sub, exp, cnf } = payload;
  const thumbprint = (cnf as { jkt?: unknown } | undefined)?.jkt;
  if (typeof thumbprint !== 'string') return fail('pass-refused', 'the pass names no client key (cnf.jkt)');
  if (typeof sub !== 'string' || sub === '' || Buffer.byteLength(sub) > SUBJECT_BYTES_MAX) {
    return fail('pass-refused', `expected a subject of 1 to ${SUBJECT_BYTES_MAX} bytes`);
  }
  return { account: accountId(namespace, issuer, sub), thumbprint, expiresMs: (exp ?? 0) * 1000, forgetMs: now + CACHE_MS };
}

/** What the library says of a pass names claims, never their values. */
function refuse(error: unknown): never {
  if (error instanceof errors.JWTExpired) return fail('pass-refused', 'the pass has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return fail('pass-refused', 'a claim of the pass is missing or another', { claim: error.claim });
  const refusals = [
    errors.JWSSignatureVerificationFailed,
    errors.JWSInvalid,
    errors.JWTInvalid,
    errors.JWKSNoMatchingKey,
    errors.JOSEAlgNotAllowed,
  ];
  if (
    refusals.some((kind) => error instanceof kind) ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return fail('pass-refused', 'the pass is not signed by the account service', { reason: (error as errors.JOSEError).code });
  }
  return fail('overloaded', 'the public keys of the account service are not at hand', {}, error);
}
