/**
 * What must happen once, before a witness starts for the first time: an empty record in its folder, then the keys, then a mark
 * in the folder that names them. Run again, it makes what an interruption left out and tells the same; called by
 * `holdfast witness setup`, in a process of its own.
 *
 * A witness without its folder would begin at the empty tree, and sign a second tree of every size. So a start never makes a
 * folder, and setup refuses one for keys that exist already: whoever lost the folder restores it, or makes a new witness.
 *
 *   begun       what is cosigned is recorded in this folder
 *   mark.json   {"type": "holdfast/witness/v1", "witness": vkey, "log"?: vkey}
 */
import { z } from 'zod';
import { alarm, fail } from '../base/errors.ts';
import { openCreation } from '../token/index.ts';
import { EMPTY_TREE } from './add-checkpoint.ts';
import type { Config } from './config.ts';
import { Files } from './files.ts';
import { LOG_KEY, makeKeys, tokenOf, WITNESS_KEY, type WitnessKeys } from './keys.ts';
import { decide, lastDecision } from './log/decision.ts';
import { makeTlsKey } from './tls-key.ts';

const BEGUN = 'begun';
const MARK = 'mark.json';
const mark = z.strictObject({ type: z.literal('holdfast/witness/v1'), witness: z.string(), log: z.string().optional() });

const spell = ({ witness, log }: WitnessKeys): string =>
  JSON.stringify({ type: 'holdfast/witness/v1', witness: witness.text, ...(log && { log: log.text }) } satisfies z.input<typeof mark>);

export interface SetUp extends WitnessKeys {
  /** 33 bytes, P-256: what the TLS certificate of both listeners is for. */
  readonly tls: Uint8Array;
}

/** @throws `configuration`; `alarm` when the token has the keys of a witness whose record is not here */
export async function setUpWitness(config: Config): Promise<SetUp> {
  const files = new Files(config.dataDir);
  const creation = openCreation(tokenOf(config));
  try {
    if ((await files.read(BEGUN)) === undefined) {
      if (creation.has(WITNESS_KEY)) lost('witness', files);
      await files.write(BEGUN, '');
    }
    if (config.log !== undefined && (await lastDecision(files)) === undefined) {
      if (creation.has(LOG_KEY)) lost('log', files);
      await decide(files, EMPTY_TREE);
    }
    const keys = makeKeys(creation, config);
    await files.write(MARK, `${spell(keys)}\n`);
    return { ...keys, tls: makeTlsKey(config) };
  } finally {
    creation.close();
  }
}

function lost(what: string, { folder }: Files): never {
  return alarm(`the token has the key of the ${what} already, and its record is not in ${folder}: restore it, or take a new token`);
}

/** @throws `configuration` unless this folder was set up for exactly these keys */
export async function requireSetUp(files: Files, keys: WitnessKeys): Promise<void> {
  const found = await files.read(MARK);
  if (found === undefined || (await files.read(BEGUN)) === undefined)
    return fail('configuration', `dataDir: ${files.folder} was not set up: run "holdfast witness setup" once, or restore it`);
  if (found.toString('utf8').trimEnd() !== spell(keys))
    fail('configuration', `dataDir: ${files.folder} belongs to other keys or names: ${MARK} says which`);
}
