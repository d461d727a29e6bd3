/** The account service's configuration file. */
import { z } from 'zod';
import { port, readConfiguration, word } from '../files/configuration.ts';
import type { AccountsConfig } from './service.ts';

const config = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port,
  /** `iss` of the passes. */
  issuer: word,
  /** `aud` of the passes. */
  audience: word,
  /** Relative to this file. */
  dataDir: z.string(),
  /** Web origins whose pages may log in. */
  origins: z.array(z.url()).max(64).default([]),
});

/** @throws `configuration` naming the file and the key that is wrong */
export function readAccountsConfig(file: string): AccountsConfig {
  const { value, at } = readConfiguration(file, config);
  return { ...value, dataDir: at(value.dataDir) };
}
