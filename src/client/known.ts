/**
 * What a client keeps about the fleets of one deployment between its sessions: what it was shown (it must never be shown less)
 * and the last bundle that verified. Kept as one text, so that the two are never of different days. Nothing in it is secret;
 * whoever writes it can make the client refuse, or forget what it saw: the bundle in it is verified like any other.
 */
import { z } from 'zod';
import { fail } from '../base/errors.ts';
import { formatSeen, parseSeen, type Seen } from '../trust/seen.ts';

export interface Known {
  readonly seen: Seen;
  /** A bundle's line. */
  readonly bundle: string;
}

export interface KnownStore {
  load(): Promise<Known | undefined>;
  /** Resolved once it is durable: before the keys are used. */
  save(known: Known): Promise<void>;
}

const schema = z.strictObject({ seen: z.string(), bundle: z.string() });

export function spellKnown({ seen, bundle }: Known): string {
  return JSON.stringify({ seen: formatSeen(seen), bundle });
}

/** @throws `malformed`: what does not parse must not be taken for a first visit */
export function parseKnown(text: string): Known {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', 'what is known of the fleet is not JSON');
  }
  const read = schema.safeParse(value);
  if (!read.success) return fail('malformed', 'what is known of the fleet does not have its form');
  return { seen: parseSeen(read.data.seen), bundle: read.data.bundle };
}

/** For tests and for pages that may forget: each session is then a first visit, which a rolled back log can lie to. */
export function memoryKnown(): KnownStore {
  let text: string | undefined;
  return {
    load: async () => (text === undefined ? undefined : parseKnown(text)),
    save: async (known) => {
      text = spellKnown(known);
    },
  };
}
