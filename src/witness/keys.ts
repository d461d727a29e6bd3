/**
 * The keys of a witness, in a token of its own: one for the log, one for its cosignatures. Made once by `holdfast
 * witness setup` (setup.ts). The log's key signs checkpoints of this log only; the witness key signs only what
 * cosigner.ts has recorded.
 */
import { fail } from '../base/errors.ts';
import { type Obtaining, obtainPin } from '../custody/pin.ts';
import { COSIGNATURE_KEY, makeVkey, NOTE_KEY, type SignBytes, type Vkey } from '../log/vkey.ts';
import { type Creation, type KeySpec, openSigners, type Signers, type TokenConfig } from '../token/index.ts';
import type { Config } from './config.ts';

export const logKey = ({ keys }: Config): KeySpec => ({ label: keys.log, kind: 'ed25519' });
export const witnessKey = ({ keys }: Config): KeySpec => ({ label: keys.witness, kind: 'ed25519' });

export interface WitnessKeys {
  /** Type 0x04. */
  readonly witness: Vkey;
  /** Type 0x01, under the log's origin; only of a witness that keeps a log. */
  readonly log?: Vkey;
}

/** @throws `configuration`; what the wait for custodians was ended with */
export async function tokenOf({ token: place }: Config, obtaining: Obtaining): Promise<TokenConfig> {
  const { module, label, profile, initString } = place;
  const pin = await obtainPin(place, obtaining);
  return { module, label, pin, ...(profile && { profile }), ...(initString && { initString }) };
}

const specsOf = (config: Config): KeySpec[] => [witnessKey(config), ...(config.log === undefined ? [] : [logKey(config)])];

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
export async function openWitnessToken(config: Config, obtaining: Obtaining): Promise<WitnessToken> {
  const signers = await openSigners(await tokenOf(config, obtaining), specsOf(config));
  return Object.assign(signers, {
    keys: named(config, signers.publicKeys),
    signAsWitness: (bytes: Uint8Array) => signers.sign(witnessKey(config), bytes),
    signAsLog: (bytes: Uint8Array) => signers.sign(logKey(config), bytes),
  });
}
