/**
 * Configuration files: one JSON file each, whose keys a schema describes. What cannot be read or is not as the schema says is refused by
 * the name of the file and the key. Read by nodes, witnesses and operators, each with its own schema.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors.ts';

/** A key with its description for the document. @param atMost what whoever controls this key can at most do */
export const told = <T extends z.ZodType>(type: T, description: string, atMost: string): T => type.meta({ description, atMost }) as T;

export const port = z.int().min(0).max(65_535);
export const word = z.string().min(1).max(255);
export const count = z.int().min(1).max(1_000_000);
export const ms = z.int().min(1).max(86_400_000);

/** What every program that goes on running can be told. @param name of the program, as in "the node" */
export const running = (name: string, { deny, see }: { readonly deny: string; readonly see: string }) => ({
  metrics: z
    .strictObject({
      host: told(word.default('127.0.0.1'), 'Address of the listener for numbers (Prometheus).', see),
      port: told(port, 'Its port; 0 takes any free one.', deny),
    })
    .optional(),
  trace: z
    .strictObject({
      level: told(
        z.enum(['debug', 'info', 'warn', 'error']).default('info'),
        'What to write to standard error, as lines of JSON.',
        'hide what happens; no level writes a secret',
      ),
    })
    .prefault({}),
  shutdownMs: told(ms.default(5_000), `How long running requests may take to finish when ${name} is asked to stop.`, deny),
});

export interface ReadConfiguration<T> {
  readonly value: T;
  /** Files in it are relative to its own folder. */
  readonly at: (path: string) => string;
}

/** @throws `configuration` naming file and key */
export function readConfiguration<T extends z.ZodType>(file: string, schema: T): ReadConfiguration<z.output<T>> {
  const read = schema.safeParse(parse(file));
  if (read.success) return { value: read.data, at: (path) => resolve(dirname(file), path) };
  const [issue] = read.error.issues;
  return fail('configuration', `${file}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not as documented'}`);
}

function parse(file: string): unknown {
  const text = readNamed(file, 'the configuration');
  try {
    return JSON.parse(text);
  } catch {
    return fail('configuration', `${file}: the file is not JSON`);
  }
}

/** @param key what to name in the error @throws `configuration` */
export function readNamed(file: string, key: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return fail('configuration', `${key}: ${file} cannot be read`, { cause: (error as NodeJS.ErrnoException).code ?? 'unknown' });
  }
}
