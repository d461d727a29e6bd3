/** From JSON to validated values and back, with an error that names the member at fault. Browsers, nodes and stores use it. */
import { z } from 'zod';
import { assert, fail } from '../base/errors.ts';

/** @throws `malformed` naming the first member that is not as documented; what it holds is not repeated: it may be secret */
export function decodeJson<T>(schema: z.ZodType<T, unknown>, value: unknown, what: string): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0] ?? { path: [], message: 'not as documented' };
  return fail('malformed', `${what}: ${path.join('.') || 'the whole'}: ${message}`);
}

/** As `decodeJson`, from text. @throws `malformed` */
export function decodeText<T>(schema: z.ZodType<T, unknown>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', `${what}: expected JSON`);
  }
  return decodeJson(schema, value, what);
}

/** What `JSON.stringify` takes. A value that has no spelling is a bug of this program. */
export function encodeJson<T>(schema: z.ZodType<T, unknown>, value: T): unknown {
  const spelled = z.safeEncode(schema, value);
  assert(
    spelled.success,
    `a value does not fit its own schema: ${spelled.error?.issues[0]?.path.join('.')}: ${spelled.error?.issues[0]?.message}`,
  );
  return spelled.data;
}
