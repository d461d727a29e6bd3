/**
 * The parameters of a ceremony from their file. Where the text of another file belongs (a fleet entry, a vkey), `{"file": PATH}`
 * stands for it, relative to the parameters' own folder: the plan and the transcript hold the text.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fail } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import { kindOf } from '../../ceremony/kinds.ts';
import { DEVELOPMENT_FLEET } from '../../ceremony/plans/development-fleet.ts';
import { exampleOf } from '../../ceremony/plans/templates.ts';
import { chooseParameters } from '../fleet/make.ts';

export interface Chosen {
  readonly nodes?: number;
  readonly parameters?: string;
}

/** Those of the file; without one an example, in which nobody has the keys. */
export async function parametersFor(name: string, { nodes, parameters }: Chosen): Promise<unknown> {
  if (parameters !== undefined) return readParametersFile(parameters);
  if (name === DEVELOPMENT_FLEET) return chooseParameters(nodes);
  return exampleOf(kindOf(name).room?.template({ nodes: nodes ?? 3, softhsm: true, nowMs: systemClock() }));
}

/** @throws `configuration` naming the file that cannot be read */
export function readParametersFile(file: string): unknown {
  const text = read(file);
  try {
    return withTexts(JSON.parse(text), dirname(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return fail('configuration', `${file}: the parameters are not JSON: ${error.message}`);
  }
}

function withTexts(value: unknown, folder: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => withTexts(one, folder));
  const members = Object.entries(value);
  const [only] = members;
  if (members.length === 1 && only?.[0] === 'file') return read(resolve(folder, String(only[1]))).trimEnd();
  return Object.fromEntries(members.map(([name, one]) => [name, withTexts(one, folder)]));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return fail('configuration', `${file} cannot be read`, {}, error);
  }
}
