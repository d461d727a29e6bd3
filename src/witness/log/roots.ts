/**
 * The roots of a log (docs/transparency.md, "Roots") as its witness has them: a folder of `<version>.root.json`. The lowest is
 * the one that this witness trusts, the others follow by TUF's rule; the newest counts. All are published, so that anyone
 * follows the chain.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail, HoldfastError } from '../../base/errors.ts';
import type { Vkey } from '../../log/vkey.ts';
import type { Root } from '../../trust/root.ts';
import { parseRoot } from '../../trust/root.ts';
import { follow, openRoot } from '../../trust/roots.ts';
import { readNamed } from '../config.ts';
import type { WitnessKeys } from '../keys.ts';

export interface LogRoots {
  readonly newest: Root;
  readonly text: (version: number) => string | undefined;
}

const FILE = /^([1-9][0-9]{0,6})\.root\.json$/;

/** @throws `configuration` naming the file; unless the newest names exactly the keys of this token */
export function readRoots(folder: string, { witness, log }: WitnessKeys): LogRoots {
  const versions = list(folder)
    .flatMap((name) => FILE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const texts = new Map(versions.map((version) => [version, readNamed(fileOf(folder, version), 'log.rootsDir')]));
  let newest: Root | undefined;
  for (const [version, text] of texts) {
    newest = named(fileOf(folder, version), () => (newest === undefined ? openRoot(text) : follow(newest, parseRoot(text))));
    if (newest.version !== version)
      fail('configuration', `log.rootsDir: ${fileOf(folder, version)} is of another version`, { got: newest.version });
  }
  if (newest === undefined) return fail('configuration', `log.rootsDir: ${folder} holds no <version>.root.json`);
  requireOurs('log', newest.log, log);
  requireOurs('witness', newest.witness, witness);
  return { newest, text: (version) => texts.get(version) };
}

const fileOf = (folder: string, version: number): string => join(folder, `${version}.root.json`);

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return fail('configuration', `log.rootsDir: ${folder} cannot be read`, { cause: (error as NodeJS.ErrnoException).code ?? 'unknown' });
  }
}

function named(file: string, read: () => Root): Root {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return fail('configuration', `log.rootsDir: ${file}: ${error.message}`, error.evidence, error);
  }
}

/** Clients would refuse every checkpoint: better said here, before anything is signed. */
function requireOurs(what: string, inRoots: Vkey, inToken: Vkey | undefined): void {
  if (inToken?.text === inRoots.text) return;
  fail('configuration', `log.rootsDir: the roots name another ${what} key than name and token of this witness`, {
    roots: inRoots.text,
    token: inToken?.text ?? 'none',
  });
}
