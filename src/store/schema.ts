/**
 * The tables and every statement that writes them. Read by the writer's thread (writer.ts) and the reader (sqlite.ts).
 *
 * `slots.changed` is the cursor of catch-up: it rises over all slots, and a slot's own moves only when its proof changed, so
 * that peers fetch a slot's latest state once. `slots.due` is set for the few slots that wait for a lock or an erasure, and
 * its index holds only those: no task ever scans all slots. `slots.version` tells the reader whether it knows the row already;
 * the trigger sees to it that it does not go on knowing what somebody else wrote.
 */
import type { DatabaseSync } from 'node:sqlite';
import { fail } from '../base/errors.ts';
import type { EventKind } from '../quorum/record.ts';

/** 5: what is seen of other members is kept with the statement that shows it, and registrations name an owner key. */
const VERSION = 5;

/**
 * Events kept of each slot and kind: all that an account can have is told in one answer (node/drive.ts). (Attack: somebody with the login
 * guesses at the recovery code until the owner sees nothing of what happened to the passcode, and has no digest to object to.)
 */
export const EVENTS_KEPT: Readonly<Partial<Record<EventKind, number>>> = { guess: 24, success: 20 };
export const EVENTS_KEPT_OF_OTHERS = 8;

/** Sequences are unsigned 64-bit; SQLite's integers are signed, so they are blobs of 8 bytes that compare alike. */
const TABLES = `
  CREATE TABLE slots (
    slot BLOB NOT NULL PRIMARY KEY, proof TEXT NOT NULL, own TEXT NOT NULL, changed INTEGER NOT NULL, due INTEGER,
    version INTEGER NOT NULL DEFAULT 1
  ) STRICT;
  CREATE UNIQUE INDEX slots_changed ON slots (changed);
  CREATE INDEX slots_due ON slots (due) WHERE due IS NOT NULL;
  CREATE TABLE events (
    at INTEGER PRIMARY KEY, account BLOB NOT NULL, slot BLOB NOT NULL, kind TEXT NOT NULL,
    generation INTEGER NOT NULL, digest BLOB NOT NULL, attempt INTEGER NOT NULL, time INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX events_account ON events (account, at);
  CREATE TABLE members (
    node BLOB NOT NULL PRIMARY KEY, seen BLOB NOT NULL DEFAULT x'0000000000000000', cursor INTEGER NOT NULL DEFAULT 0,
    signed BLOB, signature BLOB
  ) STRICT;
`;

/** The bundle that this node serves. It proves itself; the one row is what came last. */
const BUNDLE = 'CREATE TABLE served (one INTEGER PRIMARY KEY CHECK (one = 1), bundle TEXT NOT NULL) STRICT;';
const ROW_VERSIONS = `
  CREATE TRIGGER slots_written AFTER UPDATE ON slots WHEN new.version = old.version BEGIN
    UPDATE slots SET version = old.version + 1 WHERE slot = new.slot;
  END;
`;

/** @throws `configuration` when the file is of another version */
export function prepare(database: DatabaseSync): void {
  // FULL: a commit returns after fsync of the log; a vote that was given must outlive a power cut (law 7).
  // secure_delete: an erased share is overwritten in the file, not only unlinked.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;');
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (found !== 0 && found !== VERSION) {
    const way = 'its registrations are not read any more, so a fleet of that release is replaced by a new one';
    fail('configuration', `the store was made by another release: start that release again; ${way}`, { found, expected: VERSION });
  }
  if (found === 0) database.exec(`BEGIN IMMEDIATE; ${TABLES} ${BUNDLE} ${ROW_VERSIONS} PRAGMA user_version = ${VERSION}; COMMIT;`);
}

/** Parameters in this order; `cursor` is a new one, taken only if the proof changed. */
export const writes = {
  /** slot, proof, own, cursor, due */
  slot: `
    INSERT INTO slots (slot, proof, own, changed, due) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (slot) DO UPDATE SET proof = excluded.proof, own = excluded.own, due = excluded.due, version = version + 1,
      changed = CASE WHEN proof = excluded.proof THEN changed ELSE excluded.changed END`,
  /** account, slot, kind, generation, digest, attempt, time */
  event: 'INSERT INTO events (account, slot, kind, generation, digest, attempt, time) VALUES (?, ?, ?, ?, ?, ?, ?)',
  /** account, slot, kind, account, slot, kind, how many are kept */
  trim: `
    DELETE FROM events WHERE account = ? AND slot = ? AND kind = ? AND at <=
      (SELECT at FROM events WHERE account = ? AND slot = ? AND kind = ? ORDER BY at DESC LIMIT 1 OFFSET ?)`,
  /** node, sequence, the statement that shows it and its signature */
  saw: `
    INSERT INTO members (node, seen, signed, signature) VALUES (?, ?, ?, ?)
    ON CONFLICT (node) DO UPDATE SET seen = excluded.seen, signed = excluded.signed, signature = excluded.signature
      WHERE excluded.seen > seen`,
  /** node, cursor */
  cursor: 'INSERT INTO members (node, cursor) VALUES (?, ?) ON CONFLICT (node) DO UPDATE SET cursor = excluded.cursor',
  /** bundle */
  bundle: 'INSERT INTO served (one, bundle) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET bundle = excluded.bundle',
  /** due, slot */
  postpone: 'UPDATE slots SET due = ?, version = version + 1 WHERE slot = ? AND due IS NOT NULL',
} as const;

export const LATEST = 'SELECT coalesce(max(changed), 0) AS latest FROM slots';
