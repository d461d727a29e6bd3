/**
 * What must happen once, before a witness starts for the first time: an empty record in its folder, then the keys, then a mark
 * in the folder that names them. Run again, it makes what an interruption left out and tells the same; called by
 * `holdfast witness setup`, in a process of its own.
 *
 * A witness without its folder would begin at the empty tree, and sign a second tree of every size. So a start never makes a
 * folder, and setup refuses one for keys that exist already: whoever lost the folder restores it, or makes a new witness.
 *
 * Keys are replaced by other labels in the configuration: set up again, it makes those, and the folder belongs to both, so that the
 * witness goes on with the old ones until roots name the new (docs/witness.md, "Replacing keys").
 *
 *   begun       what is cosigned is recorded in this folder
 *   mark.json   {"type": "holdfast/witness/v2", "keys": [vkey, ...]}: every key that this folder was set up for
 */
import { z } from 'zod';
import { alarm, fail } from '../base/errors.ts';
import type { Obtaining } from '../custody/pin.ts';
import { Files } from '../files/files.ts';
import { openCreation } from '../token/index.ts';
import { EMPTY_TREE } from './add-checkpoint.ts';
import type { Config } from './config.ts';
import { logKey, makeKeys, tokenOf, type WitnessKeys, witnessKey } from './keys.ts';
import { decide, lastDecision } from './log/decision.ts';
import { makeTlsKey } from './tls-key.ts';

const BEGUN = 'begun';
const MARK = 'mark.json';
const vkeys = z.array(z.string());
const mark = z.union([
  z.strictObject({ type: z.literal('holdfast/witness/v2'), keys: vkeys }),
  z
    .strictObject({ type: z.literal('holdfast/witness/v1'), witness: z.string(), log: z.string().optional() })
    .transform(({ witness, log }) => ({ keys: [witness, ...(log === undefined ? [] : [log])] })),
]);

const textsOf = ({ witness, log }: WitnessKeys): string[] => [witness.text, ...(log === undefined ? [] : [log.text])];

/** Of every key that the folder belongs to. @throws `alarm` for a mark that is not one */
async function marked(files: Files): Promise<readonly string[]> {
  const bytes = await files.read(MARK);
  if (bytes === undefined) return [];
  try {
    return mark.parse(JSON.parse(bytes.toString('utf8'))).keys;
  } catch {
    return alarm(`${MARK} in ${files.folder} is damaged`);
  }
}

async function addToMark(files: Files, keys: WitnessKeys): Promise<void> {
  const all = new Set([...(await marked(files)), ...textsOf(keys)]);
  await files.write(MARK, `${JSON.stringify({ type: 'holdfast/witness/v2', keys: [...all] } satisfies z.input<typeof mark>)}\n`);
}

export interface SetUp extends WitnessKeys {
  /** 33 bytes, P-256: what the TLS certificate of both listeners is for. */
  readonly tls: Uint8Array;
}

/** @throws `configuration`; `alarm` when the token has the keys of a witness whose record is not here */
export async function setUpWitness(config: Config, obtaining: Obtaining): Promise<SetUp> {
  const files = new Files(config.dataDir);
  const creation = openCreation(await tokenOf(config, obtaining));
  try {
    if ((await files.read(BEGUN)) === undefined) {
      if (creation.has(witnessKey(config))) lost('witness', files);
      await files.write(BEGUN, '');
    }
    if (config.log !== undefined && (await lastDecision(files)) === undefined) {
      if (creation.has(logKey(config))) lost('log', files);
      await decide(files, EMPTY_TREE);
    }
    const keys = makeKeys(creation, config);
    await addToMark(files, keys);
    return { ...keys, tls: await makeTlsKey(config, obtaining) };
  } finally {
    creation.close();
  }
}

function lost(what: string, { folder }: Files): never {
  return alarm(`the token has the key of the ${what} already, and its record is not in ${folder}: restore it, or take a new token`);
}

/** @throws `configuration` unless this folder was set up for exactly these keys */
export async function requireSetUp(files: Files, keys: WitnessKeys): Promise<void> {
  const known = await marked(files);
  if (known.length === 0 || (await files.read(BEGUN)) === undefined)
    return fail('configuration', `dataDir: ${files.folder} was not set up: run "holdfast witness setup" once, or restore it`);
  if (!textsOf(keys).every((text) => known.includes(text)))
    fail('configuration', `dataDir: ${files.folder} belongs to other keys or names: ${MARK} says which`);
}
