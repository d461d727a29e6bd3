/**
 * `POST /add-checkpoint` of c2sp.org/tlog-witness: its body, and the decision about it. Pure: cosigner.ts brings what was
 * cosigned before, and does what is decided here. Asked by logs of others, by this witness's own log, and, from the other
 * side, sent to third parties by third-parties.ts.
 *
 *   old <size of the tree that this witness cosigned last, decimal>
 *   <base64 of one hash>            a consistency proof (RFC 6962, section 2.1.2), at most 63 lines
 *                                   an empty line
 *   <checkpoint>
 */
import { toBase64 } from '../base/base64.ts';
import { equalBytes, idToBytes } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { type Checkpoint, parseCheckpoint, parseDecimal, parseHash, type TreeHead } from '../log/checkpoint.ts';
import { verifyConsistency } from '../log/merkle.ts';
import { isSignedBy, type Note, parseNote } from '../log/note.ts';
import type { Vkey } from '../log/vkey.ts';
import { hash } from '../wire/signed.ts';

const PROOF_LINES_MAX = 63;

export interface AddCheckpoint {
  readonly old: number;
  readonly proof: readonly Uint8Array[];
  readonly note: Note;
  readonly checkpoint: Checkpoint;
}

/** @throws `malformed`, `too-large` */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const end = body.indexOf('\n\n');
  if (end < 0) return fail('malformed', 'expected the old size, a proof, an empty line and a checkpoint');
  const [first = '', ...proof] = body.slice(0, end).split('\n');
  if (!first.startsWith('old ')) return fail('malformed', 'expected the line: old <size>');
  if (proof.length > PROOF_LINES_MAX) return fail('malformed', `a proof has at most ${PROOF_LINES_MAX} lines`, { got: proof.length });
  const note = parseNote(body.slice(end + 2));
  return {
    old: parseDecimal(first.slice('old '.length), 'old size'),
    proof: proof.map((line) => parseHash(line, 'a line of the proof')),
    note,
    checkpoint: parseCheckpoint(note.text),
  };
}

/** @param checkpoint the signed note */
export function formatAddCheckpoint(old: number, proof: readonly Uint8Array[], checkpoint: string): string {
  return [`old ${old}`, ...proof.map(toBase64), '', checkpoint].join('\n');
}

/** A log that this witness cosigns. */
export interface WitnessedLog {
  readonly origin: string;
  /** More than one while the log replaces its key: either signs, and there is one tree. */
  readonly vkeys: readonly Vkey[];
}

/** Why a checkpoint is not cosigned, by the status that the specification gives it; 409 names the size cosigned last. */
export type Refusal =
  | { readonly status: 400 | 403 | 404 | 422; readonly why: string }
  | { readonly status: 409; readonly why: string; readonly size: number };

/** RFC 6962, section 2.1: the hash of nothing. */
const EMPTY_ROOT = idToBytes(hash(new Uint8Array()));

/** Also what the witness holds of a log that it never cosigned. */
export const EMPTY_TREE: TreeHead = { size: 0, root: EMPTY_ROOT };

/** @returns nothing when the checkpoint may be cosigned in place of the latest */
export function refusalOf(
  { old, proof, note, checkpoint }: AddCheckpoint,
  log: WitnessedLog | undefined,
  latest: TreeHead,
): Refusal | undefined {
  if (log === undefined || checkpoint.origin !== log.origin) return { status: 404, why: 'this log is not cosigned here' };
  const unsigned = unsignedBy(note, log.vkeys);
  if (unsigned !== undefined) return { status: 403, why: unsigned };
  const { size, root } = checkpoint;
  if (old > size) return { status: 400, why: 'the old size is larger than that of the checkpoint' };
  if (old !== latest.size) return { status: 409, why: 'another tree was cosigned last', size: latest.size };
  if (size === 0 && !equalBytes(root, EMPTY_ROOT)) return { status: 422, why: 'the empty tree has another root' };
  const from = { oldSize: latest.size, oldRoot: latest.root };
  if (!verifyConsistency({ ...from, size, root, proof }))
    return { status: 422, why: 'the tree is not shown to hold the one cosigned last' };
  return undefined;
}

function unsignedBy(note: Note, vkeys: readonly Vkey[]): string | undefined {
  try {
    return vkeys.some((vkey) => isSignedBy(note, vkey)) ? undefined : 'the key that is known for this log did not sign the checkpoint';
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'not-signed') return error.message;
    throw error;
  }
}
