/**
 * The bodies of the public interface: what clients send to any node, and what it answers. Both ends import these schemas;
 * docs/openapi.json is made from them. Unknown members are refused, every length is bounded before it is decoded.
 *
 *   POST /v1/<operation>     Authorization: Bearer <pass>
 *   GET  /v1/fleet           the fleet entry's line
 */
import { z } from 'zod';
import { type Code, codes } from '../base/errors.ts';
import type { Refusal } from '../quorum/ask.ts';
import type { Gathered } from '../quorum/coordinator/conversation.ts';
import {
  binary,
  type CodecOf,
  cancelled,
  checked,
  confirmed,
  id,
  NODES_MAX,
  point,
  REGISTRATION_BYTES_MAX,
  signed,
  signedStatement,
  standing,
  votes,
  wayIn,
} from './values.ts';

/** Letters of a pass (a JWT). */
export const PASS_LENGTH_MAX = 4096;
/** A public request's body: an activation with all votes takes less than half of it. */
export const PUBLIC_BODY_BYTES_MAX = 64 * 1024;
/** An account's event feed as text, from one node. */
const EVENTS_LENGTH_MAX = 64 * 1024;

/** Which way in of the account that the pass names, and the client key that the pass names by its thumbprint. */
const caller = { way: wayIn, clientKey: point };
/** With a client/request statement signed by the client key. */
const authorised = { ...caller, request: signedStatement };

export const registration = binary(REGISTRATION_BYTES_MAX);

/** What clients can ask; activate, confirm and cancel carry statements that prove themselves. */
export const requests = {
  status: z.strictObject(authorised),
  register: z.strictObject({ ...authorised, registration, approval: signedStatement.exactOptional() }),
  activate: z.strictObject({ ...caller, standing }),
  /** `shown`: statuses by which members follow a number that they have not counted (docs/design.md, "Choosing numbers"). */
  attempt: z.strictObject({ ...authorised, element: checked, shown: votes.exactOptional() }),
  confirm: z.strictObject({ ...caller, confirmed }),
  cancel: z.strictObject({ ...caller, cancelled }),
  events: z.strictObject(authorised),
  wait: z.strictObject(authorised),
} as const;

export type PublicOperation = keyof typeof requests;
export const publicOperations = Object.keys(requests) as readonly PublicOperation[];
export type RequestOf<Op extends PublicOperation> = z.output<(typeof requests)[Op]>;

const codeName = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/);
const isKnown = (name: string): name is Code => Object.hasOwn(codes, name);
/** A code of a later release is an error all the same. (Else one new word of one node would hide what all the others said.) */
const code = z.codec(codeName, z.custom<Code>(), { decode: (name) => (isKnown(name) ? name : 'unrecognised'), encode: (known) => known });
const evidence = z.record(z.string().max(64), z.union([z.string().max(512), z.number(), z.boolean()]));
const spelledRefusal = z.strictObject({
  refused: codeName,
  message: z.string().max(1024),
  evidence: evidence.exactOptional(),
  /** Of an attempt: the node's signed word, without which a client gives up no number. */
  statement: signedStatement.exactOptional(),
});

/** With its name among the evidence. No machine knows it, so it counts for no more than that the node refused. */
function readRefusal({ refused, ...rest }: z.output<typeof spelledRefusal>): Refusal {
  return isKnown(refused) ? { refused, ...rest } : { refused: 'unrecognised', ...rest, evidence: { ...rest.evidence, code: refused } };
}

export const refusal: CodecOf<Refusal> = z.codec(spelledRefusal, z.custom<Refusal>(), { decode: readRefusal, encode: (known) => known });

/** {node, signed, signature}: one node's statement, as it signed it. */
export const said = z.codec(z.strictObject({ node: id, ...signed.shape }), z.custom<Gathered['said'][number]>(), {
  decode: ({ node, signed: bytes, signature }) => ({ node, signed: { bytes, signature } }),
  encode: ({ node, signed: { bytes, signature } }) => ({ node, signed: bytes, signature }),
});

/** {node, refused, message, evidence}: one node's refusal. */
const refused = z.codec(z.strictObject({ node: id, ...spelledRefusal.shape }), z.custom<Gathered['refused'][number]>(), {
  decode: ({ node, ...rest }) => ({ node, refusal: readRefusal(rest) }),
  encode: ({ node, refusal: rest }) => ({ node, ...rest }),
});

/** What an operation answers: an envelope of what each node said. The coordinator adds nothing that is to be believed. */
export const envelope = z.strictObject({
  /** The fleet bundle over the air (docs/formats.md), where the client asked for it. */
  bundle: z
    .string()
    .max(256 * 1024)
    .exactOptional(),
  said: z.array(said).max(NODES_MAX),
  refused: z.array(refused).max(NODES_MAX),
  /** With an attempt: its quorum certificate. */
  votes: votes.exactOptional(),
  /** With a status: the registration in force at the answering node, with its proof. */
  standing: standing.exactOptional(),
  /** With a status: the certificate of the lock of that registration, where there is one. */
  lock: votes.exactOptional(),
  /** With `cancel`: the nodes at which the objection stands. */
  stands: z.array(id).max(NODES_MAX).exactOptional(),
  /** With `events`: each node's feed, JSON text whose SHA-256 its statement names. */
  events: z
    .array(z.strictObject({ node: id, events: z.string().max(EVENTS_LENGTH_MAX) }))
    .max(NODES_MAX)
    .exactOptional(),
});
export type Envelope = z.output<typeof envelope>;

/** The body of every answer that is not 2xx. */
export const errorBody = z.strictObject({
  error: z.strictObject({ code, message: z.string().max(1024), evidence, next: z.string().max(512) }),
});

/** GET /health */
export const health = z.strictObject({ alive: z.boolean() });

/** GET /ready: 200 while `ready`, else 503. */
export const readiness = z.strictObject({
  ready: z.boolean(),
  /** The security module answers. */
  token: z.boolean(),
  standing: z.enum(['voting', 'starting', 'quarantined']),
  /** Nodes heard of lately, this one included; a quorum is needed. */
  inReach: z.int(),
  quorum: z.int(),
  /** Of the code that runs here; zeros in development. The node's word, for comparing: no proof. */
  measurement: id,
});
export type Readiness = z.output<typeof readiness>;
