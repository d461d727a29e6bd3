/**
 * Proofs that a leaf is in a log (c2sp.org/tlog-proof), which anyone can check offline:
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base64>                 (left out when there is none; authenticated by nothing)
 *   index <decimal>
 *   <base64( 32 hash )> ...        from the leaf's sibling up
 *
 *   <signed checkpoint, as it is>
 */
import { fromBase64, toBase64 } from '../base/base64.ts';
import { fail } from '../base/errors.ts';
import { openCheckpoint, parseDecimal, parseHash, type SignedCheckpoint } from './checkpoint.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { NOTE_BYTES_MAX } from './note.ts';
import type { Vkey } from './vkey.ts';

export interface LogProof {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, verbatim, with all cosignatures. */
  readonly checkpoint: string;
  readonly extra?: Uint8Array;
}

const HEAD = 'c2sp.org/tlog-proof@v1';
const EXTRA = 'extra ';
const INDEX = 'index ';
/** A tree of 2^63 leaves. */
const HASHES_MAX = 63;

export function formatProof({ index, hashes, checkpoint, extra }: LogProof): string {
  const lines = [HEAD, ...(extra === undefined ? [] : [EXTRA + toBase64(extra)]), INDEX + index, ...hashes.map(toBase64)];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** The checkpoint is not looked into: see `openCheckpoint`. @throws `malformed`, `too-large` */
export function parseProof(text: string): LogProof {
  if (text.length > 2 * NOTE_BYTES_MAX) fail('too-large', 'the proof of a log is too long', { got: text.length });
  const split = text.indexOf('\n\n');
  const [head, ...lines] = text.slice(0, split).split('\n');
  if (split < 0 || head !== HEAD) fail('malformed', `expected a proof of a log: ${HEAD}`);
  const extra = lines[0]?.startsWith(EXTRA) ? lines.shift() : undefined;
  const index = lines.shift();
  if (!index?.startsWith(INDEX)) return fail('malformed', 'a proof of a log says which leaf it is of: index <decimal>');
  if (lines.length > HASHES_MAX) fail('malformed', `a proof of a log has at most ${HASHES_MAX} hashes`, { got: lines.length });
  return {
    index: parseDecimal(index.slice(INDEX.length), 'index of the leaf'),
    hashes: lines.map((line) => parseHash(line, 'hash of the proof')),
    checkpoint: text.slice(split + 2),
    ...(extra === undefined ? {} : { extra: fromBase64(extra.slice(EXTRA.length)) }),
  };
}

/**
 * The checkpoint in which the log has `leaf` at the proof's index.
 * @throws `not-signed` for another log's checkpoint, or for a tree that does not have this leaf there; `malformed`
 */
export function verifyProof(proof: LogProof, leaf: Uint8Array, log: Vkey): SignedCheckpoint {
  const checkpoint = openCheckpoint(proof.checkpoint, log);
  const { size, root } = checkpoint;
  if (!verifyInclusion({ leaf: leafHash(leaf), index: proof.index, size, root, proof: proof.hashes }))
    fail('not-signed', 'the leaf is not at this place of the tree that the log signed', { index: proof.index, size });
  return checkpoint;
}
