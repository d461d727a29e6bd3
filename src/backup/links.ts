/**
 * Whether a symbolic link stays inside its folder. Backup leaves out what does not, restore refuses a backup that has one: a
 * restored link to `/etc` or `..` would let whoever arranged the folder reach, through the next program that follows it, what
 * lies around it.
 */
import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** As many as Linux follows (path_resolution(7)): what needs more leads nowhere. */
const HOPS_MAX = 40;

/**
 * Both as the path is written and as the system would follow it through the links on its way: `a/../..` is harmless or not
 * depending on where `a` points, and the backup's `a` may have become another by the time it is restored.
 * @param folder the names that lead from `root` to the folder of the link; none of them is a link
 */
export async function linkLeaves(root: string, folder: readonly string[], target: string): Promise<boolean> {
  return leavesAsWritten(folder, target) || (await leavesAsFollowed(root, folder, target));
}

function leavesAsWritten(folder: readonly string[], target: string): boolean {
  if (target.startsWith('/')) return true;
  let depth = folder.length;
  for (const name of target.split('/')) {
    if (name === '' || name === '.') continue;
    depth += name === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

async function leavesAsFollowed(root: string, folder: readonly string[], target: string): Promise<boolean> {
  const at = [...folder];
  const ahead = target.split('/');
  let hops = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (at.pop() === undefined) return true;
      continue;
    }
    const next = await readLink(join(root, ...at, name));
    if (next === undefined) at.push(name);
    else if (next.startsWith('/')) return true;
    else if (++hops > HOPS_MAX) return false;
    else ahead.unshift(...next.split('/'));
  }
  return false;
}

async function readLink(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() ? readlink(path) : undefined;
}
