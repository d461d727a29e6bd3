/**
 * A slot's record as two JSON texts: what proves itself to others (`proof`, sent as it is by catch-up) and what is this
 * member's own (`own`). Kept apart so that a record whose proof did not change is not offered to peers again.
 */
import { z } from 'zod';
import { id, place, proof, proofParts, signedStatement } from '../api/values.ts';
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Announcement, Proof, SlotRecord } from '../quorum/record.ts';
import { slotId } from '../vault/slot.ts';

export interface Row {
  readonly proof: string;
  readonly own: string;
}

const u32 = z.number().int().min(0).max(0xffff_ffff);
const timeMs = z.number().int().min(0);

const announcement: z.ZodType<Announcement, unknown> = z.strictObject({ digest: id, generation: u32, since: timeMs });

type Own = Omit<SlotRecord, keyof Proof>;

const own = z.strictObject({
  place,
  registerVote: signedStatement.exactOptional(),
  attemptVote: signedStatement.exactOptional(),
  activationAck: signedStatement.exactOptional(),
  lockStatement: signedStatement.exactOptional(),
  lockSince: timeMs.exactOptional(),
  erased: z.boolean().exactOptional(),
  announcements: z.array(announcement).exactOptional(),
});

const PROOF_PARTS: ReadonlySet<string> = new Set<keyof Proof>(['standing', 'attempt', 'confirmation', 'lock', 'cancels']);

/** Parts as they were spelled before: a record is saved three times in a conversation, and most of it stays as it is. */
const spelled = new WeakMap<object, string>();

export function encodeRow(record: SlotRecord): Row {
  return { proof: spell(proofParts, record), own: spell(own.shape, record) };
}

/** In the order of the schema, so that the same parts are the same text. */
function spell(shape: Readonly<Record<string, z.ZodType>>, record: SlotRecord): string {
  const parts = Object.entries(shape).flatMap(([name, type]) => {
    const value = record[name as keyof SlotRecord];
    return value === undefined ? [] : `"${name}":${typeof value === 'object' ? spellPart(type, value) : JSON.stringify(value)}`;
  });
  return `{${parts.join()}}`;
}

function spellPart(type: z.ZodType, part: object): string {
  const known = spelled.get(part);
  if (known !== undefined) return known;
  const text = JSON.stringify(z.encode(type, part));
  spelled.set(part, text);
  return text;
}

/** What others need to know of a slot, and nothing that is this member's own. */
export function proofOf(record: SlotRecord): Proof {
  return Object.fromEntries(Object.entries(record).filter(([name]) => PROOF_PARTS.has(name))) as Proof;
}

/** @throws `malformed` when the texts are not a record of just this slot: a row moved on the disk must not count elsewhere. */
export function decodeRow(slot: Id, row: Row): SlotRecord {
  const mine = read(own as unknown as z.ZodType<Own, unknown>, row.own);
  if (slotId(mine.place) !== slot) fail('malformed', 'the stored record is of another slot');
  return { ...decodeProof(row.proof), ...mine };
}

/** @throws `malformed` */
export function decodeProof(text: string): Proof {
  return read(proof, text);
}

function read<T>(codec: z.ZodType<T, unknown>, text: string): T {
  try {
    return z.decode(codec, JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return fail('malformed', 'the stored text does not parse', {}, error);
    throw error;
  }
}
