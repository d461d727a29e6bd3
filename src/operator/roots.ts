/** The chain of roots as the operator keeps it: `<version>.root.json` from the first, which clients pin, to the newest. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Root } from '../trust/root.ts';
import { openRoots } from '../trust/roots.ts';

export interface Roots {
  /** The text of the first: what clients pin, at the earliest. */
  readonly first: string;
  /** Those after it: they travel in bundles. */
  readonly chain: readonly string[];
  readonly latest: Root;
}

const NAME = /^([1-9][0-9]*)\.root\.json$/;

/** @throws `configuration` */
export function readRoots(folder: string): Roots {
  const versions = namesIn(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const [first, ...chain] = versions.map((version) => readFileSync(join(folder, `${version}.root.json`), 'utf8').trimEnd());
  if (first === undefined) return fail('configuration', `rootsDir: ${folder} holds no <version>.root.json`);
  try {
    return { first, chain, latest: openRoots({ pinned: first, chain }) };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return fail('configuration', `rootsDir: ${error.message}`, error.evidence, error);
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return fail('configuration', `rootsDir: ${folder} cannot be read`, {}, error);
  }
}
