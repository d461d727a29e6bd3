/**
 * `holdfast fleet publish`, `refresh` and `retire`: an entry into the log, a bundle to the nodes.
 *
 *   look -> draft -> release keys -> nodes -> submit -> look -> countersign -> cosignatures -> bundle -> deliver
 *
 * Every arrow may be the last of a command: the next one goes on with the same entry, and finds in the log what it handed over.
 * Nothing is countersigned but what `look` (watch.ts) has found in order just before.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { NoteSignature } from '../log/note.ts';
import { checkPresent, checkPrevious, checkSequence, checkSpread, checkValidity } from '../trust/continuity.ts';
import { lastSignedBy, linesOf, parseSignedEntry, type SignedEntry, signingFleets } from '../trust/signed-entry.ts';
import { type Candidate, keepWith, readCandidate } from './candidate.ts';
import { type Delivered, deliver } from './deliver.ts';
import type { Desk } from './desk.ts';
import { type Change, nextEntry, saysTheSame } from './draft.ts';
import { signEntry } from './sign-entry.ts';
import { vouch } from './vouch.ts';
import { type Watched, watch } from './watch.ts';

export interface Published extends Delivered {
  /** Of the entry. */
  readonly sequence: number;
  readonly entry: string;
  readonly bundle: string;
  /** Entries in the log. */
  readonly size: number;
  /** A new entry went into the log. */
  readonly admitted: boolean;
}

export interface Publishing {
  readonly change?: Change | undefined;
  /** A new entry although nothing changed: for its validity. */
  readonly renew?: boolean | undefined;
  /** Nodes that are lost: the entry states that they do not sign it. They stay so until they are counted on again. */
  readonly without?: readonly Id[] | undefined;
  readonly counting?: readonly Id[] | undefined;
}

/** @throws what keys, nodes and witness refuse with; run again, it goes on */
export async function publish(desk: Desk, wanted: Publishing = {}): Promise<Published> {
  const { state, report, witness } = desk;
  const before = await look(desk);
  const last = before && entryOf(before);
  const candidate = draft(desk, before, wanted);
  if (candidate === undefined) return handOut(desk, before ?? fail('not-found', 'nothing was published yet'), false);
  if (candidate.entry.digest !== last?.digest) {
    const { text } = await signEntry(desk, candidate);
    // Before anyone has it: a log that shows it from now on shows nothing foreign.
    state.keepSubmitted(text);
    await witness.submit(text);
    report({ step: 'submit', words: `the witness admitted entry ${candidate.entry.sequence}` });
  }
  const now = await look(desk);
  if (now === undefined || entryOf(now).digest !== candidate.entry.digest)
    return fail('alarm', 'the witness admitted an entry that is not the last of its log', { entry: candidate.entry.digest });
  const published = await handOut(desk, now, true);
  state.dropCandidate();
  return published;
}

/** Fresh cosignatures over the log as it is. @throws `not-found` when nothing was published yet */
export async function refresh(desk: Desk): Promise<Published> {
  const watched = await look(desk);
  return handOut(desk, watched ?? fail('not-found', 'nothing was published yet: run "holdfast fleet publish" first'), false);
}

async function look({ witness, roots, state, clock, report }: Desk): Promise<Watched | undefined> {
  const watched = await watch(witness, roots.logs, state, clock);
  const size = watched?.checkpoint.size ?? 0;
  report({ step: 'look', words: `the log is in order: ${size} ${size === 1 ? 'entry' : 'entries'}, all of this operator` });
  return watched;
}

const entryOf = ({ last }: Watched): FleetEntry => parseSignedEntry(last.note).entry;

/** An entry is renewed when less than half of its time is left. */
const RENEW_BELOW = 0.5;

/** @returns the entry that is on its way, or a new one; nothing when the last one says all there is to say */
function draft(desk: Desk, before: Watched | undefined, { renew, ...wanted }: Publishing): Candidate | undefined {
  const { state, fleets, validDays, clock, roots, report } = desk;
  const last = before && parseSignedEntry(before.last.note);
  const begun = readCandidate(state);
  // It was admitted, and then the command was interrupted.
  if (begun !== undefined && begun.entry.digest === last?.entry.digest) return begun;
  const { namespace } = roots.latest;
  const entryAt = (nowMs: number) => nextEntry(last?.entry, { namespace, fleets, validDays, nowMs, ...wanted });
  if (begun !== undefined && entryAt(begun.draftedMs).digest === begun.entry.digest && begun.entry.validUntil > clock()) return begun;
  const draftedMs = clock();
  const entry = entryAt(draftedMs);
  if (last !== undefined && saysTheSame(entry, last.entry) && !renew && leftOf(last.entry, draftedMs) > RENEW_BELOW) return undefined;
  requireAdmissible(entry, last?.entry, draftedMs);
  report({
    step: 'draft',
    words: `drafted entry ${entry.sequence}: ${entry.fleets.length} ${entry.fleets.length === 1 ? 'fleet' : 'fleets'}`,
  });
  return keepWith(state, { draftedMs, entry, signatures: [] }, last === undefined ? [] : signedBefore(entry, last));
}

/** Of the nodes that are absent, what stands under the last entry: what they signed there, or what stood there of them already. */
function signedBefore(entry: FleetEntry, { note }: SignedEntry): readonly NoteSignature[] {
  return entry.fleets.flatMap((fleet) =>
    fleet.nodes.flatMap((node) => (lastSignedBy(fleet, node) === undefined ? [] : linesOf(note, fleet, node))),
  );
}

const leftOf = ({ validFrom, validUntil }: FleetEntry, nowMs: number): number => (validUntil - nowMs) / (validUntil - validFrom);

/** What the witness would refuse is better refused before anyone signs it. */
function requireAdmissible(entry: FleetEntry, last: FleetEntry | undefined, nowMs: number): void {
  const rulings = [
    checkSequence(entry, last),
    checkPrevious(entry, last),
    checkValidity(entry, nowMs),
    ...signingFleets(entry).map(checkPresent),
    ...signingFleets(entry).map(checkSpread),
  ];
  const wrong = rulings.find((ruling) => ruling !== undefined);
  if (wrong !== undefined) fail('configuration', `the witness would not admit this entry: ${wrong.words}`, wrong.evidence);
}

async function handOut(desk: Desk, watched: Watched, admitted: boolean): Promise<Published> {
  const bundle = await vouch(desk, watched);
  const { sequence, digest } = entryOf(watched);
  return { sequence, entry: digest, bundle: bundle.digest, size: watched.checkpoint.size, admitted, ...(await deliver(desk, bundle)) };
}
