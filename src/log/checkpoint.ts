/**
 * Checkpoints (c2sp.org/tlog-checkpoint): what a log says its tree is, as the text of a signed note
 *
 *   <origin>
 *   <number of leaves, decimal>
 *   <base64( 32 root hash )>
 *
 * Extension lines may follow; they are kept, covered by the signatures, and mean nothing here.
 */
import { fromBase64, toBase64 } from '../base/base64.ts';
import { fail } from '../base/errors.ts';
import { isSignedBy, type Note, parseNote } from './note.ts';
import type { Vkey } from './vkey.ts';

export interface TreeHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

export interface Checkpoint extends TreeHead {
  readonly origin: string;
  readonly extensions: readonly string[];
}

export interface SignedCheckpoint extends Checkpoint {
  /** With the log's signature verified; cosignatures are read from it. */
  readonly note: Note;
}

const DECIMAL = /^(0|[1-9][0-9]{0,15})$/;

/** A number in its one decimal spelling, at most 2^53 - 1. @throws `malformed` */
export function parseDecimal(text: string | undefined, what: string): number {
  const value = text !== undefined && DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : fail('malformed', `${what}: expected a decimal number`);
}

/** 32 bytes in base64. @throws `malformed` */
export function parseHash(text: string | undefined, what: string): Uint8Array {
  const bytes = fromBase64(text ?? '');
  return bytes.length === 32 ? bytes : fail('malformed', `${what}: expected 32 bytes`, { got: bytes.length });
}

/** @param text of the note, with its final line feed. @throws `malformed` */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) fail('malformed', 'a checkpoint ends in a line feed');
  const lines = text.slice(0, -1).split('\n');
  const [origin, size, root, ...extensions] = lines;
  if (origin === undefined || lines.some((line) => line === '')) return fail('malformed', 'a checkpoint has no empty lines');
  return { origin, size: parseDecimal(size, 'size of the tree'), root: parseHash(root, 'root of the tree'), extensions };
}

/** The note's text: what the log signs. */
export function checkpointText({
  origin,
  size,
  root,
  extensions = [],
}: TreeHead & { origin: string; extensions?: readonly string[] }): string {
  const text = [origin, String(size), toBase64(root), ...extensions].map((line) => `${line}\n`).join('');
  parseCheckpoint(text);
  return text;
}

/**
 * A checkpoint that the log signed.
 * @param log its key, of type 0x01; the log's origin is the key's name
 * @throws `malformed`, `too-large`; `not-signed` for another log's or without the log's signature
 */
export function openCheckpoint(text: string, log: Vkey): SignedCheckpoint {
  const note = parseNote(text);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== log.name)
    fail('not-signed', 'the checkpoint is of another log', { got: checkpoint.origin, expected: log.name });
  if (!isSignedBy(note, log)) fail('not-signed', 'the log did not sign this checkpoint', { log: log.name });
  return { ...checkpoint, note };
}
