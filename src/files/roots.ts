/**
 * The chain of roots in a folder of `<version>.root.json` (docs/transparency.md, "Roots"): the lowest is the one that this side trusts,
 * the others follow by TUF's rule, the newest counts. Read by the witness and the operator.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail, HoldfastError } from '../base/errors.ts';
import { parseRoot, type Root } from '../trust/root.ts';
import { follow, openRoot } from '../trust/roots.ts';
import { readNamed } from './configuration.ts';

const FILE = /^([1-9][0-9]{0,6})\.root\.json$/;

/** From the lowest version to the newest; never empty. */
export type RootChain = readonly [Root, ...Root[]];

/** @param key what to name in the error @throws `configuration` naming the file */
export function readRoots(folder: string, key: string): RootChain {
  const [first, ...later] = list(folder, key)
    .flatMap((name) => FILE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  if (first === undefined) return fail('configuration', `${key}: ${folder} holds no <version>.root.json`);
  const chain: [Root, ...Root[]] = [read(folder, key, first)];
  for (const version of later) chain.push(read(folder, key, version, newestOf(chain)));
  return chain;
}

/** With the roots that have been put there since. @throws `configuration` naming the file that does not follow */
export function followRoots(chain: RootChain, folder: string, key: string): RootChain {
  const version = newestOf(chain).version + 1;
  if (!existsSync(fileOf(folder, version))) return chain;
  return followRoots([...chain, read(folder, key, version, newestOf(chain))], folder, key);
}

export function newestOf(chain: RootChain): Root {
  return chain.at(-1) ?? chain[0];
}

const fileOf = (folder: string, version: number): string => join(folder, `${version}.root.json`);

function read(folder: string, key: string, version: number, before?: Root): Root {
  const file = fileOf(folder, version);
  const text = readNamed(file, key);
  try {
    const root = before === undefined ? openRoot(text) : follow(before, parseRoot(text));
    return root.version === version ? root : fail('configuration', 'it is of another version', { got: root.version });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return fail('configuration', `${key}: ${file}: ${error.message}`, error.evidence, error);
  }
}

function list(folder: string, key: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return fail('configuration', `${key}: ${folder} cannot be read`, { cause: (error as NodeJS.ErrnoException).code ?? 'unknown' });
  }
}
