/**
 * Configuration files: one JSON file each, whose keys a schema describes. What cannot be read or is not as the schema says is refused by
 * the name of the file and the key. Read by nodes, witnesses and operators, each with its own schema.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { fail } from '../base/errors.ts';

/** A key with its description for the document. @param atMost what whoever controls this key can at most do */
export const told = <T extends z.ZodType>(type: T, description: string, atMost: string): T => type.meta({ description, atMost }) as T;

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
