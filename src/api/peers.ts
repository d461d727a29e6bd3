/**
 * The bodies that nodes exchange, at the peer listener only (POST /peer/v1/<operation>). An ask carries the client's pass
 * and signed request along, so that every node checks both itself and believes no coordinator.
 */
import { z } from 'zod';
import { PASS_LENGTH_MAX, refusal, registration } from './bodies.ts';
import {
  cancelled,
  checked,
  confirmed,
  greeting,
  id,
  memory,
  place,
  point,
  proof,
  signedStatement,
  standing,
  votes,
  wayIn,
} from './values.ts';

/** Proofs of one slot with all its parts take up to half of it. */
export const PEER_BODY_BYTES_MAX = 256 * 1024;
/** One page of the change feed: what a peer may answer. */
export const PEER_REPLY_BYTES_MAX = 32 * 1024 * 1024;
/** Changes in one page. */
const CHANGES_MAX = 200;
const BUNDLE_LENGTH_MAX = 256 * 1024;

const authorised = {
  pass: z.string().max(PASS_LENGTH_MAX),
  way: wayIn,
  clientKey: point,
  request: signedStatement,
};

/** `quorum/ask.ts` on the wire: the caller is spelled as its pass, way in and client key. */
export const peerAsk = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('status'), ...authorised }),
  z.strictObject({ op: z.literal('wait'), ...authorised }),
  z.strictObject({ op: z.literal('register-vote'), ...authorised, registration, approval: signedStatement.exactOptional() }),
  z.strictObject({ op: z.literal('attempt-vote'), ...authorised, element: checked, shown: votes }),
  z.strictObject({ op: z.literal('answer'), ...authorised, element: checked, votes }),
  z.strictObject({ op: z.literal('activate'), standing }),
  z.strictObject({ op: z.literal('confirm'), confirmed }),
  z.strictObject({ op: z.literal('lock'), place }),
  z.strictObject({ op: z.literal('hello'), hello: signedStatement, memory }),
]);
export type PeerAsk = z.output<typeof peerAsk>;

const reply = z.union([signedStatement, greeting, refusal]);
const cursor = z.int().min(0);

/** Holdings in one page of an inventory. */
const HOLDINGS_MAX = 1000;
const holding = z.strictObject({
  slot: id,
  generation: z.int().min(1).max(0xffff_ffff),
  share: z.enum(['held', 'missing', 'erased', 'deleted', 'moved']),
});

export const peerOperations = {
  ask: { request: peerAsk, reply },
  cancel: { request: z.strictObject({ place, cancelled }), reply: z.union([z.literal(true), refusal]) },
  /** A proof for a node that is behind. */
  teach: { request: z.strictObject({ proof }), reply: z.strictObject({}) },
  proof: { request: z.strictObject({ slot: id }), reply: z.strictObject({ proof: proof.exactOptional() }) },
  changes: {
    request: z.strictObject({ after: cursor, limit: z.int().min(1).max(CHANGES_MAX) }),
    reply: z.strictObject({
      changes: z.array(z.strictObject({ cursor, slot: id, proof })).max(CHANGES_MAX),
      next: cursor,
      head: cursor,
    }),
  },
  /** What this member holds of each slot, in the order of the slots: for counting shares (node/shares.ts). */
  inventory: {
    request: z.strictObject({ after: id.exactOptional(), limit: z.int().min(1).max(HOLDINGS_MAX) }),
    reply: z.strictObject({ holdings: z.array(holding).max(HOLDINGS_MAX), next: id.exactOptional() }),
  },
  /** The bundle that the peer serves, when it is another than the one that is named. It proves itself. */
  bundle: { request: z.strictObject({ have: id }), reply: z.strictObject({ bundle: z.string().max(BUNDLE_LENGTH_MAX).exactOptional() }) },
  events: { request: z.strictObject(authorised), reply: z.strictObject({ events: z.string().max(64 * 1024), signed: signedStatement }) },
} as const;

export type PeerOperation = keyof typeof peerOperations;
