/** A ceremony with people, put together: its plan, its folder, its tokens, its custody, and the room it is performed in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import { Custody } from './custody.ts';
import type { OnAct } from './folder.ts';
import { kindOf } from './kinds.ts';
import { type Progress, perform } from './perform.ts';
import { Proceedings, type Room } from './proceedings.ts';
import { RehearsalRoom, rehearsed } from './rehearsal.ts';
import { CeremonySite } from './site.ts';
import { Transcript } from './transcript.ts';
import { type Verified, verifyTranscript } from './verify.ts';

export const TRANSCRIPT_FILE = 'transcript.jsonl';

export interface Conducting {
  readonly kind: string;
  /** Absolute; gets the transcript and all that becomes public. */
  readonly folder: string;
  /** Of a ceremony that has begun, those of its transcript count. */
  readonly parameters: unknown;
  readonly room: Room;
  readonly report?: (progress: Progress) => void;
  readonly onAct?: OnAct;
  readonly clock?: Clock;
}

/** Performs it, or goes on with it. @throws what `perform` throws */
export async function conduct({ kind: name, folder, parameters, room, report, onAct, clock = systemClock }: Conducting): Promise<void> {
  const kind = kindOf(name);
  const plan = kind.plan(parameters);
  const { people } = plan;
  if (kind.room === undefined || people === undefined)
    return fail('configuration', 'this plan is performed by a program, without people', { plan: name });
  const chosen = kind.room.read(plan.parameters);
  const places = kind.room.places(plan.parameters);
  const site = new CeremonySite(folder, places, onAct);
  const transcript = new Transcript(join(folder, TRANSCRIPT_FILE), clock);
  const proceedings = new Proceedings(people, room, transcript);
  site.entrustTo(new Custody(chosen, Object.keys(places), proceedings, site));
  try {
    await perform(plan, site as never, transcript, { proceedings, ...(report && { report }) });
    writeOutcome(site);
  } finally {
    site.close();
  }
}

/** What follows and no step wrote. Verified first: whoever leaves the room leaves with a transcript that holds. */
function writeOutcome(site: CeremonySite): void {
  const { files } = verifyTranscript(site.read(TRANSCRIPT_FILE) ?? '');
  for (const [file, text] of Object.entries(files)) if (site.read(file) === undefined) site.write(file.split('/'), text);
}

/**
 * Performs it without people and devices (rehearsal.ts), and before it what it rests on.
 * @throws what `perform` and `verifyTranscript` throw
 */
export async function rehearse({ kind, folder, parameters, ...watched }: Omit<Conducting, 'room'>): Promise<Verified> {
  const room = new RehearsalRoom();
  const perform = async (name: string, where: string, chosen: unknown, watching: Partial<Conducting> = {}): Promise<Verified> => {
    await conduct({ kind: name, folder: where, parameters: chosen, room, ...watching });
    return verifyTranscript(readFileSync(join(where, TRANSCRIPT_FILE), 'utf8'));
  };
  const prepared = (await kindOf(kind).room?.prepare?.(folder, parameters, room, perform)) ?? parameters;
  return perform(kind, folder, rehearsed(prepared, room), watched);
}
