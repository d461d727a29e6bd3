/**
 * What the launcher stands on: files that the user who runs the node cannot change, neither now nor between the check and the
 * moment they are loaded (a node loads a worker's code whenever its token comes back). So no check is made twice and nothing
 * is copied: what was verified stays what it is until root changes it, and root is who installs releases.
 */
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from '../base/errors.ts';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const ROOT = 0;

/** @throws `release-refused` for root: nothing is out of its reach */
export function refuseRoot(): void {
  if (process.getuid?.() === ROOT || process.geteuid?.() === ROOT) {
    fail('release-refused', 'started as root, who could change what was verified: start the launcher as the user of the node');
  }
}

/** The file or folder and all folders above it belong to root and nobody else may write to them. @returns its real path */
export function requireSolid(path: string): string {
  const real = realpathSync(path);
  requireOwn(real, false);
  for (let above = dirname(real); ; above = dirname(above)) {
    // In a folder like /tmp others make files, and cannot move or remove root's.
    requireOwn(above, true);
    if (above === dirname(above)) return real;
  }
}

/** Everything below a folder too. @returns its real path */
export function requireSolidTree(folder: string): string {
  const real = requireSolid(folder);
  for (const name of readdirSync(real, { recursive: true, encoding: 'utf8' })) requireOwn(join(real, name), false);
  return real;
}

/**
 * Node looks for a package that the release lacks beside every folder above it. (Attack: some packages ask for others that need not be
 * there, and somebody puts one of that name into /tmp/node_modules.)
 * @param release its real path
 */
export function requireAlone(release: string): void {
  for (let above = dirname(release); ; above = dirname(above)) {
    const packages = join(above, 'node_modules');
    if (lstatSync(packages, { throwIfNoEntry: false }) !== undefined)
      fail('release-refused', `${packages}: a package that the release lacks would be taken from there, and nobody verified it`);
    requireOwn(above, false);
    if (above === dirname(above)) return;
  }
}

function requireOwn(path: string, stickyWillDo: boolean): void {
  const { uid, mode } = lstatSync(path);
  if (uid !== ROOT) fail('release-refused', `${path} does not belong to root: whoever it belongs to can change it`, { uid });
  if ((mode & WRITABLE_BY_OTHERS) === 0 || (stickyWillDo && (mode & STICKY) !== 0)) return;
  fail('release-refused', `${path} may be written by others than root`, { mode: (mode & 0o7777).toString(8) });
}
