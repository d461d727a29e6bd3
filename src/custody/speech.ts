/**
 * What is said at the desk (desk.ts) and to it (visit.ts), one line of JSON each:
 *
 *   desk       {"type":"holdfast/custody/v1","ceremony":...,"token":...,"given":[{"index","custodian"}, ...],"needed":n}
 *   custodian  {"share":<a card, or the code on it>}            or nothing: then this was a question for the state
 *   desk       the state again, or {"error":{"code","message","evidence"}}
 */
import type { Socket } from 'node:net';
import { z } from 'zod';
import { type Code, codes, fail } from '../base/errors.ts';

export const CUSTODY_TYPE = 'holdfast/custody/v1';
/** A card has about 500 letters. */
const LINE_MAX = 4096;
/** For one line; people type before they come. */
export const PATIENCE_MS = 10_000;

export const deskState = z.strictObject({
  type: z.literal(CUSTODY_TYPE),
  ceremony: z.string(),
  token: z.string(),
  given: z.array(z.strictObject({ index: z.int(), custodian: z.string() })).readonly(),
  /** How many shares give the PIN; 0 before the first has come, which says so. */
  needed: z.int(),
});
export type DeskState = z.output<typeof deskState>;

const code = z.enum(Object.keys(codes) as [Code, ...Code[]]);
const evidence = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export const refusal = z.strictObject({ error: z.strictObject({ code, message: z.string(), evidence }) });
export const given = z.strictObject({ share: z.string() });

/** @throws `malformed` for another version, and for whatever is not as above */
export function readLine<T>(schema: z.ZodType<T>, line: string): T {
  try {
    return schema.parse(JSON.parse(line));
  } catch (error) {
    return fail('malformed', `expected what ${CUSTODY_TYPE} says: is the other end of another version?`, {}, error);
  }
}

export const spellLine = (value: object): string => `${JSON.stringify(value)}\n`;

/** Each call gives the next line, or nothing once the other end has no more to say. @throws `too-large` */
export function linesOf(socket: Socket): () => Promise<string | undefined> {
  const chunks: AsyncIterator<string> = socket.setEncoding('utf8')[Symbol.asyncIterator]();
  let text = '';
  return async () => {
    for (;;) {
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      if (text.length > LINE_MAX) return fail('too-large', `a line has at most ${LINE_MAX} letters`);
      const { value, done } = await chunks.next();
      if (done) return undefined;
      text += value;
    }
  };
}
