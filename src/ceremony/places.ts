/**
 * Where a ceremony's tokens are, as its parameters name them: behind a vendor's module, in a slot; or in a SoftHSM of the token's
 * own folder, which protects nothing. A place says nothing of what the token is: that is read from the token.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { TokenPlace } from './creation-process.ts';

export const SOFTHSM_MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const TEMPLATE = join(import.meta.dirname, '../../softhsm/softhsm2.conf.template');

const softhsm = z.strictObject({
  /** The folder that holds, or gets, softhsm2.conf and tokens/; relative to the ceremony's. */
  softhsm: z.string().min(1),
});

const device = z.strictObject({
  /** Path of the vendor's PKCS#11 module. */
  module: z.string().startsWith('/'),
  /** CK_SLOT_ID of a token that is to be initialised; needed when there are several. */
  slot: z.int().min(0).optional(),
  /** Name in src/token/profiles.ts; by default the device is recognised. */
  profile: z.string().min(1).optional(),
  /** `pReserved` of C_Initialize. */
  initString: z.string().optional(),
  /** What the vendor's module wants to find in its environment. Never a PIN. */
  environment: z.record(z.string(), z.string()).optional(),
});

export const place = z.union([softhsm, device]);
export type Place = z.output<typeof place>;

export interface Resolved {
  readonly place: TokenPlace;
  readonly environment: Readonly<Record<string, string>>;
}

/** Of a SoftHSM that is not there yet, its empty folder and configuration are made. @param folder the ceremony's, absolute */
export function resolvePlace(folder: string, label: string, at: Place): Resolved {
  if ('softhsm' in at)
    return { place: { module: SOFTHSM_MODULE, label }, environment: { SOFTHSM2_CONF: softHsmIn(resolve(folder, at.softhsm)) } };
  const { module, slot, profile, initString, environment = {} } = at;
  const given = {
    ...(slot !== undefined && { slot }),
    ...(profile !== undefined && { profile }),
    ...(initString !== undefined && { initString }),
  };
  return { place: { module, label, ...given }, environment };
}

function softHsmIn(folder: string): string {
  const conf = join(folder, 'softhsm2.conf');
  if (existsSync(conf)) return conf;
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens, { recursive: true, mode: 0o700 });
  writeFileSync(conf, readFileSync(TEMPLATE, 'utf8').replace('@TOKENS@', tokens), { mode: 0o600 });
  return conf;
}
