/**
 * What one publication is about: a bundle whose checks passed, and what is published beside it. From this the page, VERIFY.txt
 * and the feed are written; `publication.json` keeps what of it does not follow from the bundle.
 */
import { z } from 'zod';
import { id } from '../../api/values.ts';
import { fromUtf8, type Id } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import type { FleetEntry } from '../../fleet/entry.ts';
import type { Bundle } from '../../trust/bundle.ts';
import type { Root } from '../../trust/root.ts';
import { signingFleets } from '../../trust/signed-entry.ts';
import { type Derived, type Files, nodeFolder } from './derived.ts';

export const LIST_FILE = 'SHA256SUMS';
/** The operator's signature of the list. */
export const LIST_NOTE_FILE = 'SHA256SUMS.note';
export const PREVIOUS_FILE = 'PREVIOUS';
export const ABOUT_FILE = 'publication.json';
export const BUNDLE_FILE = 'bundle.json';
export const PAGE_FILE = 'verify.html';

const word = z.string().min(1).max(255);
const path = z.string().regex(/^[a-z0-9][a-zA-Z0-9._-]{0,200}(\/[a-zA-Z0-9._-]{1,200}){0,4}$/);

const about = z.strictObject({
  type: z.literal('holdfast/evidence/v1'),
  /** When, in UTC to the second. */
  published: z.iso.datetime({ precision: 0 }),
  namespace: word,
  sequence: z.int().min(1),
  entry: id,
  bundle: id,
  /** Simulated tokens, which protect nothing. */
  development: z.boolean(),
  /** Where the log is read. */
  log: z.url().max(255),
  /** Of ceremonies, by the fleet that each made. */
  transcripts: z.array(z.strictObject({ fleet: id, file: path })).max(32),
  /** TLS certificates that nodes showed at the time, by node folder. */
  certificates: z.array(path).max(256),
  /** Vkey of the operator, which signed the list of files: whoever published had its key. */
  signer: word.exactOptional(),
  /** TLS authorities that the system does not know, for reading nodes and log: in a fleet for development. */
  authorities: path.exactOptional(),
  /** The publication before this one, and the digest of its list. */
  previous: z.strictObject({ folder: path, list: id }).exactOptional(),
});

export type About = Omit<z.output<typeof about>, 'type'>;

export function formatAbout(value: About): string {
  return `${JSON.stringify({ type: 'holdfast/evidence/v1', ...value }, undefined, 2)}\n`;
}

/** @throws `malformed` */
export function parseAbout(bytes: Uint8Array): About {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch {
    return fail('malformed', `${ABOUT_FILE} is not JSON`);
  }
  const read = about.safeParse(value);
  if (!read.success) return fail('malformed', `${ABOUT_FILE}: ${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`);
  const { type: _, ...rest } = read.data;
  return rest;
}

/** All that page, VERIFY.txt and feed are written from. */
export interface Publication {
  readonly about: About;
  readonly entry: FleetEntry;
  readonly bundle: Bundle;
  readonly root: Root;
  readonly derived: Derived;
  /** The files so far, by path: for digests that are shown. */
  readonly files: Files;
  /** What changed against the publication before, in lines (changes.ts). */
  readonly changes: readonly string[];
}

/** Milliseconds since 1970 when the cosignatures are too old to say anything of the day. */
export function isDevelopment(entry: FleetEntry): boolean {
  return signingFleets(entry).some(({ nodes }) => nodes.some(({ token }) => token.simulated));
}

export function folderName(published: string, sequence: number): string {
  return `${published.slice(0, 10)}-entry-${sequence}`;
}

export function certificateFile(fleet: Id, node: string): string {
  return `${nodeFolder(fleet, node)}/certificate.pem`;
}
