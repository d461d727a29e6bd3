/**
 * The published checkpoint as it gathers signatures: the log's first, then one of each cosigner, the latest. A cosignature
 * counts only of the very text that the log signed.
 */
import { fail } from '../../base/errors.ts';
import { cosignatureTime } from '../../log/cosignature.ts';
import { type Note, type NoteSignature, parseNote, signaturesOf } from '../../log/note.ts';
import type { Vkey } from '../../log/vkey.ts';

/** Each line takes the place of the one of the same key; new ones come last. */
export function withSignatures({ text, signatures }: Note, lines: readonly NoteSignature[]): Note {
  const byKey = new Map([...signatures, ...lines].map((line) => [`${line.name} ${line.keyId}`, line]));
  return { text, signatures: [...byKey.values()] };
}

/** A client takes no cosignature from further ahead (docs/transparency.md, `freshness`). */
const AHEAD_MAX_MS = 3_600_000;

/**
 * The operator's cosignature of the published checkpoint.
 * @param sent a signed note: the checkpoint's text, and at least the operator's line
 * @throws `checkpoint-moved` for another text; `not-signed`, `malformed`
 */
export function countersignatureOf(sent: string, published: Note, operator: Vkey, nowMs: number): NoteSignature {
  const note = parseNote(sent);
  if (note.text !== published.text) fail('checkpoint-moved', 'this is not the checkpoint that the log publishes');
  const time = cosignatureTime(note, operator);
  if (time === undefined) return fail('not-signed', 'the operator did not cosign this checkpoint', { operator: operator.name });
  if (time * 1000 > nowMs + AHEAD_MAX_MS) fail('malformed', 'the cosignature is of a time to come: a clock is wrong', { time });
  const before = cosignatureTime(published, operator);
  // Attack: whoever has an old cosignature of the operator puts it back, and clients find the checkpoint stale.
  if (before !== undefined && time < before) fail('checkpoint-moved', 'a later cosignature of the operator is published', { time, before });
  const lines = signaturesOf(note, operator);
  const line = lines.find((one) => cosignatureTime({ text: note.text, signatures: [one] }, operator) === time);
  return line ?? fail('not-signed', 'the operator did not cosign this checkpoint');
}
