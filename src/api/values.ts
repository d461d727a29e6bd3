/**
 * The JSON spelling of what travels and is stored: one codec for the clients' and the peers' HTTP bodies and for the rows
 * of the store, so that there is one parser to attack. Bytes are unpadded base64url. Unknown members are refused.
 */
import { z } from 'zod';
import { fromBase64url, type Id, toBase64url } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import { CHECKED_BYTES } from '../oprf/checked.ts';
import type { Greeting } from '../quorum/ask.ts';
import type { Cancelled, Certified, Confirmed, Proof, Standing } from '../quorum/record.ts';
import type { Place } from '../vault/slot.ts';
import type { Signed } from '../wire/signed.ts';

/** @param maxBytes bound before decoding */
export function binary(maxBytes: number) {
  return z.codec(z.string().max(Math.ceil((maxBytes * 4) / 3)), z.instanceof(Uint8Array<ArrayBufferLike>), {
    decode(text, context) {
      try {
        return fromBase64url(text);
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        context.issues.push({ code: 'custom', message: error.message, input: text });
        return z.NEVER;
      }
    },
    encode: toBase64url,
  });
}

export const id = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits') as unknown as z.ZodType<Id, string>;

/** Compressed SEC 1: one spelling of a point, and none of the identity. Whether it is on the curve, whoever uses it checks. */
export const point = binary(33).refine((bytes) => bytes.length === 33 && (bytes[0] === 2 || bytes[0] === 3), 'expected a compressed point');

/** A blinded element with its check and proof (oprf/checked.ts). Whether they are points, and proven, is checked where it is counted. */
export const checked = binary(CHECKED_BYTES).refine((bytes) => bytes.length === CHECKED_BYTES, `expected ${CHECKED_BYTES} bytes`);

/** No signed statement is longer than this (wire/message.ts: an answer with 512 bytes of payload). */
const SIGNED_BYTES_MAX = 1024;
export const REGISTRATION_BYTES_MAX = 8192;
/** Of a fleet; no certificate has more votes. */
export const NODES_MAX = 7;

export const signed = z.strictObject({ signed: binary(SIGNED_BYTES_MAX), signature: binary(64) });

/** The codec that a domain type is carried by: T in the program, JSON outside. */
export type CodecOf<T> = z.ZodType<T, unknown>;

/** An object type and not a predicate: zod leaves predicates out when it tries a value on the way out. */
const statementValue = z.strictObject({ bytes: z.custom<Uint8Array>(), signature: z.custom<Uint8Array>() });

const statement: CodecOf<Signed> = z.codec(signed, statementValue, {
  decode: ({ signed: bytes, signature }) => ({ bytes, signature }),
  encode: ({ bytes, signature }) => ({ signed: bytes, signature }),
});

export { statement as signedStatement };

export const votes: CodecOf<readonly Signed[]> = z.array(statement).max(NODES_MAX);

/** Of each member of a fleet its latest start and its latest vote that was used. */
export const memory: CodecOf<readonly Signed[]> = z.array(statement).max(2 * NODES_MAX);

const greetingValue = z.strictObject({
  bytes: z.custom<Uint8Array>(),
  signature: z.custom<Uint8Array>(),
  memory: z.custom<readonly Signed[]>(),
});

/** The answer to a hello, with what its member remembers. */
export const greeting: CodecOf<Greeting> = z.codec(z.strictObject({ ...signed.shape, memory }), greetingValue, {
  decode: ({ signed: bytes, ...rest }) => ({ bytes, ...rest }),
  encode: ({ bytes, ...rest }) => ({ signed: bytes, ...rest }),
});

export const wayIn = z.strictObject({ kind: z.enum(['passcode', 'recovery-code', 'passkey']), name: binary(32) });

export const place: CodecOf<Place> = z.strictObject({ tenant: z.string().min(1).max(64), account: id, way: wayIn });

export const standing: CodecOf<Standing> = z.strictObject({
  registration: binary(REGISTRATION_BYTES_MAX),
  votes,
  activation: statement,
});

const certified: CodecOf<Certified> = z.strictObject({ votes });

export const confirmed: CodecOf<Confirmed> = z.strictObject({ confirm: statement, votes, acks: votes.exactOptional() });

export const cancelled: CodecOf<Cancelled> = z.strictObject({ by: place, cancel: statement });

export const proofParts = {
  standing: standing.exactOptional(),
  attempt: certified.exactOptional(),
  confirmation: confirmed.exactOptional(),
  lock: votes.exactOptional(),
  cancels: z.array(cancelled).max(32).exactOptional(),
};

export const proof: CodecOf<Proof> = z.strictObject(proofParts);
