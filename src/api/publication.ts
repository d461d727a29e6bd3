/**
 * What travels of fleet keys over the air between operators, nodes and clients (docs/transparency.md, "Interfaces"). A bundle is
 * never spelled anew: it travels as the text that its digest is of.
 *
 *   GET  /v1/bundle           the bundle
 *   POST /v1/bundle           a newer one
 *   POST /v1/entry            a candidate, for this node's signature
 *   GET  /v1/live?nonce=      what this node runs and serves, now
 */
import { z } from 'zod';
import { said } from './bodies.ts';
import { id } from './values.ts';

export const BUNDLE_BYTES_MAX = 256 * 1024;
/** A client's request names by it the bundle that it has: SHA-256 in hex, zeros for none. */
export const BUNDLE_HEADER = 'holdfast-bundle';

/** Letters of a signed entry: a leaf of the log has at most 65,535 bytes. */
const ENTRY_LENGTH_MAX = 65_535;
const ROOT_LENGTH_MAX = 64 * 1024;
/** What carries a candidate: escaped as JSON it may take twice its length. */
export const CANDIDATE_BYTES_MAX = 512 * 1024;

/** An entry that the release keys signed, and the roots after the first one, as texts. */
export const candidate = z.strictObject({
  entry: z.string().max(ENTRY_LENGTH_MAX),
  roots: z.array(z.string().max(ROOT_LENGTH_MAX)).max(64),
});
export type Candidate = z.output<typeof candidate>;

/** {node, signed, signature}: the node's `node/fleet-entry` or `node/live`. */
export const nodeStatement = said;

/** `taken`: it was newer than the one served before, and is served now. */
export const bundleReceipt = z.strictObject({ taken: z.boolean(), digest: id });
