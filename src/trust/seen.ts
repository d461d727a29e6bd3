/**
 * What a client remembers of what it was shown: the newest entry, tree and root. It must never be shown less (attack: an old
 * view replayed after a key was replaced), and two clients that compare theirs find out a log that shows each its own view.
 *
 * Kept by clients as the JSON of `formatSeen`; nothing in it is secret. Whoever can write it can make a client refuse.
 */
import { z } from 'zod';
import { equalBytes, type Id, idToBytes, isId } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { verifyConsistency } from '../log/merkle.ts';

const id = z.custom<Id>((value) => typeof value === 'string' && isId(value), 'expected 64 lower-case hex digits');

const schema = z.strictObject({
  /** Of the entry, and its digest. */
  sequence: z.int().min(1),
  digest: id,
  /** Of the log: its origin, how many leaves it had, and their root. */
  origin: z.string().min(1),
  size: z.int().min(1),
  root: id,
  /** The latest root.json. */
  roots: z.string(),
});

export type Seen = Readonly<z.output<typeof schema>>;

export function formatSeen(seen: Seen): string {
  return JSON.stringify(seen);
}

/** @throws `malformed` */
export function parseSeen(text: string): Seen {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', 'what was seen of the log is not JSON');
  }
  const read = schema.safeParse(value);
  return read.success ? read.data : fail('malformed', 'what was seen of the log does not have its form');
}

/**
 * How two views of a log go together: `same`; `consistent`, shown by a proof; `split`, one log showed two pasts, which is proof
 * of misbehaviour; `unproven`, when no consistency proof was given or it does not fit, and a log that cannot give one is split.
 */
export type Comparison = 'same' | 'consistent' | 'split' | 'unproven';

/** @param proof a consistency proof from the smaller tree to the larger, from the log's tiles */
export function compareViews(one: Seen, other: Seen, proof?: readonly Uint8Array[]): Comparison {
  // Every entry names the digest of the one before: two entries of one sequence are two chains.
  if (one.sequence === other.sequence && one.digest !== other.digest) return 'split';
  if (one.origin !== other.origin) return 'unproven';
  if (one.size === other.size) return equalBytes(idToBytes(one.root), idToBytes(other.root)) ? 'same' : 'split';
  const [old, young] = one.size < other.size ? [one, other] : [other, one];
  if (proof === undefined) return 'unproven';
  const claim = { oldSize: old.size, oldRoot: idToBytes(old.root), size: young.size, root: idToBytes(young.root), proof };
  return verifyConsistency(claim) ? 'consistent' : 'unproven';
}
