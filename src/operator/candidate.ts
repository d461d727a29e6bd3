/**
 * An entry on its way into the log: its line, and the signatures collected so far. Kept after every one, so that a command that
 * was interrupted goes on with the very same entry, and asks no release key and no node twice.
 */
import { z } from 'zod';
import { type FleetEntry, parseEntry } from '../fleet/entry.ts';
import { formatSignatureLine, type NoteSignature, parseSignatureLine } from '../log/note.ts';
import type { OperatorState } from './state.ts';

export interface Candidate {
  /** When it was drafted: drafted anew for this time, it must come out the same. */
  readonly draftedMs: number;
  readonly entry: FleetEntry;
  readonly signatures: readonly NoteSignature[];
}

const spelled = z.strictObject({ draftedMs: z.int(), line: z.string(), signatures: z.array(z.string()) });

export function readCandidate(state: OperatorState): Candidate | undefined {
  if (state.candidate === undefined) return undefined;
  const { draftedMs, line, signatures } = spelled.parse(JSON.parse(state.candidate));
  return { draftedMs, entry: parseEntry(line), signatures: signatures.map(parseSignatureLine) };
}

/** @returns the candidate with these signatures besides, once it is kept so */
export function keepWith(state: OperatorState, candidate: Candidate, more: readonly NoteSignature[]): Candidate {
  const whole = { ...candidate, signatures: [...candidate.signatures, ...more] };
  const { draftedMs, entry, signatures } = whole;
  const value: z.input<typeof spelled> = { draftedMs, line: entry.line, signatures: signatures.map(formatSignatureLine) };
  state.keepCandidate(JSON.stringify(value));
  return whole;
}
