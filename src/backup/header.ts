/**
 * The small file beside a backup that says where its key is kept. It holds nothing secret, and nothing in it is believed:
 * a wrong one only makes the key not fit.
 *
 * `holdfast-backup.json`, one JSON object: type, fleet (id), entry (digest of the entry the key was deposited under),
 * slot (id), recipient. Of a backup whose 64-digit key no fleet keeps: type and recipient only.
 */
import { z } from 'zod';
import { type Id, isId } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';

export const HEADER_FILE = 'holdfast-backup.json';
const HEADER_TYPE = 'holdfast/backup/v1';

const id = z.custom<Id>((value) => typeof value === 'string' && isId(value), 'expected 64 lower-case hex digits');
export const recipient = z.string().regex(/^age1[a-z0-9]{58}$/);
export const headerFields = z.strictObject({ fleet: id, entry: id, slot: id, recipient });
const type = { type: z.literal(HEADER_TYPE) };
const header = z.union([headerFields.extend(type), z.strictObject({ ...type, recipient })]);

/** Where a fleet keeps the key, and for whom backups are encrypted. */
export type Deposit = z.output<typeof headerFields>;
export type BackupHeader = Deposit | Pick<Deposit, 'recipient'>;

export function spellHeader(value: BackupHeader): string {
  return `${JSON.stringify({ type: HEADER_TYPE, ...value }, undefined, 2)}\n`;
}

/** @throws `malformed` */
export function parseHeader(text: string): BackupHeader {
  const read = header.safeParse(parseJson(text));
  if (!read.success) return fail('malformed', `${HEADER_FILE}: ${z.prettifyError(read.error)}`);
  const { type: _, ...rest } = read.data;
  return rest;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail('malformed', `${HEADER_FILE} is not JSON`);
  }
}
