/** The account's event feed, as the JSON text whose SHA-256 a node signs. Made by quorum/member/events.ts, read by clients. */
import { z } from 'zod';
import type { AccountEvent } from '../quorum/record.ts';
import { decodeText } from './json.ts';
import { id } from './values.ts';

export const eventKind: z.ZodType<AccountEvent['kind']> = z.enum([
  'registered',
  'replaced',
  'deleted',
  'guess',
  'success',
  'locked',
  'erased',
  'announced',
  'cancelled',
]);

const u32 = z.int().min(0).max(0xffff_ffff);

const accountEvents = z
  .array(
    z.strictObject({
      account: id,
      slot: id,
      kind: eventKind,
      generation: u32,
      digest: id,
      attempt: u32,
      /** Milliseconds since 1970; a Date holds no more. */
      time: z.int().min(0).max(8_640_000_000_000_000),
    }),
  )
  .max(256);

/** @throws `malformed` */
export function parseEvents(text: string): readonly AccountEvent[] {
  return decodeText(accountEvents, text, 'the events');
}
