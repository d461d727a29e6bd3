/** The account service's configuration file. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors.ts';
import type { AccountsConfig } from './service.ts';

const config = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535),
  /** `iss` of the passes. */
  issuer: z.string().min(1).max(255),
  /** `aud` of the passes. */
  audience: z.string().min(1).max(255),
  /** Relative to this file. */
  dataDir: z.string(),
  /** Web origins whose pages may log in. */
  origins: z.array(z.url()).max(64).default([]),
});

/** @throws `configuration` naming the key that is wrong */
export function readAccountsConfig(file: string): AccountsConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail('configuration', `${file} cannot be read as JSON`, {}, error);
  }
  const read = config.safeParse(value);
  if (!read.success) return fail('configuration', `${file}: ${z.prettifyError(read.error)}`);
  return { ...read.data, dataDir: resolve(dirname(file), read.data.dataDir) };
}
