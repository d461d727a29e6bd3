/**
 * The keys of a witness, in a token of its own: one for the log, one for its cosignatures. Made once by `holdfast
 * witness setup` (setup.ts). The log's key signs checkpoints of this log only; the witness key signs only what
 * cosigner.ts has recorded.
 */
import { statSync } from 'node:fs';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { COSIGNATURE_KEY, makeVkey, NOTE_KEY, type SignBytes, type Vkey } from '../log/vkey.ts';
import { type Creation, type KeySpec, openSigners, type Signers, type TokenConfig } from '../token/index.ts';
import { type Config, readNamed } from './config.ts';

export const LOG_KEY: KeySpec = { label: 'holdfast-log', kind: 'ed25519' };
export const WITNESS_KEY: KeySpec = { label: 'holdfast-witness', kind: 'ed25519' };

export interface WitnessKeys {
  /** Type 0x04. */
  readonly witness: Vkey;
  /** Type 0x01, under the log's origin; only of a witness that keeps a log. */
  readonly log?: Vkey;
}

/** @throws `configuration` */
export function tokenOf({ token: { module, label, pinFile, profile, initString } }: Config): TokenConfig {
  return { module, label, pin: readPin(pinFile), ...(profile && { profile }), ...(initString && { initString }) };
}

/** The first line of the PIN file. @throws `configuration` when others may read it */
export function readPin(file: string): Secret<string> {
  const text = readNamed(file, 'token.pinFile');
  const others = statSync(file).mode & 0o077;
  if (others !== 0) fail('configuration', `token.pinFile: others may read ${file}: chmod 600`, { others: others.toString(8) });
  const [pin] = text.split(/\r?\n/, 1);
  return pin ? new Secret(pin) : fail('configuration', `token.pinFile: ${file} is empty`);
}

const specsOf = ({ log }: Config): KeySpec[] => [WITNESS_KEY, ...(log === undefined ? [] : [LOG_KEY])];

/** The names are the configuration's. @param publicKeys in the order of `specsOf` */
function named({ name, log: kept }: Config, [witness, log]: readonly (Uint8Array | undefined)[]): WitnessKeys {
  if (witness === undefined) return fail('token-unsuitable', 'the witness key in the token has no public half');
  return { witness: makeVkey(name, COSIGNATURE_KEY, witness), ...(kept && log && { log: makeVkey(kept.origin, NOTE_KEY, log) }) };
}

/** Makes the keys that are not there; none is ever replaced. @throws `token-unsuitable` for one that was not made inside */
export function makeKeys(creation: Creation, config: Config): WitnessKeys {
  const specs = specsOf(config);
  for (const spec of specs) if (!creation.has(spec)) creation.createKey(spec);
  return named(
    config,
    specs.map((spec) => creation.readBack(spec).publicKey),
  );
}

export interface WitnessToken extends Pick<Signers, 'state' | 'moduleRestarts' | 'keep' | 'kept' | 'close'> {
  readonly keys: WitnessKeys;
  readonly signAsWitness: SignBytes;
  readonly signAsLog: SignBytes;
}

/** @throws `token-unsuitable` naming a key that is missing, `token-unavailable`, `configuration` */
export async function openWitnessToken(config: Config): Promise<WitnessToken> {
  const signers = await openSigners(tokenOf(config), specsOf(config));
  return Object.assign(signers, {
    keys: named(config, signers.publicKeys),
    signAsWitness: (bytes: Uint8Array) => signers.sign(WITNESS_KEY, bytes),
    signAsLog: (bytes: Uint8Array) => signers.sign(LOG_KEY, bytes),
  });
}
