/** Reading what was chosen before a ceremony, and naming what is not filled in yet. */
import { z } from 'zod';
import { fail } from '../../base/errors.ts';
import type { Facts } from '../plan.ts';

/** What a template holds where people have to write: `holdfast ceremony plan` prints it. */
export const FILL_IN = 'FILL IN';

export const filled = z.string().min(1).max(255);

/** @throws `malformed` naming the member */
export function parametersOf<T extends z.ZodType>(schema: T): (value: unknown) => z.output<T> {
  return (value) => {
    const open = unfilled(value);
    if (open !== undefined) fail('malformed', `the parameters of the ceremony: ${open} is not filled in yet`);
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    return fail('malformed', `the parameters of the ceremony: ${issue?.path.join('.') || 'all'}: ${issue?.message}`);
  };
}

function unfilled(value: unknown, path = ''): string | undefined {
  if (typeof value === 'string') return value.startsWith(FILL_IN) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = unfilled(inner, path === '' ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As the transcript holds them: what was left out is not there. */
export function asFacts(chosen: object): Facts {
  return JSON.parse(JSON.stringify(chosen)) as Facts;
}
