/**
 * A tar stream as a folder. It may be an attacker's: age does not say who encrypted, so whoever writes to the storage can put a
 * backup of his own there. So nothing is created through a link (links come last, and each in a folder), nothing is overwritten, and a
 * path or link that leads out of the folder is refused.
 *
 * Owners are not restored: everything belongs to who restores. Therefore set-id bits are not either: a program that runs as its
 * owner must not begin to run as another one. Folders get their times and permissions last, when nothing more goes into them.
 */
import { closeSync, fchmodSync, futimesSync, openSync } from 'node:fs';
import { chmod, link, lstat, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fail } from '../base/errors.ts';
import { SMALL_BYTES, writeChunks, writeSmall } from './disk.ts';
import { linkLeaves } from './links.ts';
import { type Entry, readEntries } from './tar.ts';

/**
 * @param spent is given each chunk of `tar` when it is done with
 * @param root exists and is empty. Folders and links are held until the end, files are not.
 * @throws `malformed`; then the folder is as far as it got
 */
export async function unpack(tar: AsyncIterable<Uint8Array>, root: string, spent?: (chunk: Uint8Array) => void): Promise<void> {
  const folders: { path: string; entry: Entry }[] = [];
  const links: { names: string[]; entry: Entry }[] = [];
  for await (const { entry, content } of readEntries(tar, spent)) {
    const names = namesOf(entry.path);
    const path = join(root, ...names);
    switch (entry.kind) {
      case 'directory':
        if (names.length > 0) await mkdir(path, { mode: 0o700 });
        folders.push({ path, entry });
        break;
      case 'file':
        await writeFile(path, entry, content);
        break;
      case 'link':
        await hardLink(root, entry.linkPath ?? '', path);
        break;
      case 'symlink':
        links.push({ names, entry });
        break;
    }
  }
  // Attack: a link whose folder is itself a link is made where that one leads, out of `root` too. As long as there are none, no path
  // leads through one, and later nothing that is a folder becomes one.
  for (const folder of new Set(links.map(({ names }) => join(root, ...names.slice(0, -1))))) {
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory()) fail('malformed', 'a link in the backup lies in what is no folder', { path: relative(root, folder) });
  }
  for (const { names, entry } of links) {
    const path = join(root, ...names);
    await symlink(entry.linkPath ?? '', path);
    await lutimes(path, seconds(entry), seconds(entry));
  }
  // Only now, with all of them there, is it known where each one leads.
  for (const { names, entry } of links) {
    if (await linkLeaves(root, names.slice(0, -1), entry.linkPath ?? '')) {
      fail('malformed', 'a link in the backup leaves the folder', { path: entry.path });
    }
  }
  for (const { path, entry } of folders.reverse()) {
    await utimes(path, seconds(entry), seconds(entry));
    await chmod(path, permissions(entry));
  }
}

async function writeFile(path: string, entry: Entry, content: AsyncIterable<Uint8Array>): Promise<void> {
  if (entry.size > SMALL_BYTES) await writeLarge(path, content);
  const fd = openSync(path, entry.size > SMALL_BYTES ? 'r+' : 'wx', 0o600);
  try {
    if (entry.size <= SMALL_BYTES) await writeSmall(fd, content);
    futimesSync(fd, seconds(entry), seconds(entry));
    fchmodSync(fd, permissions(entry));
  } finally {
    closeSync(fd);
  }
}

async function writeLarge(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await writeChunks(file, content, { holes: true });
  } finally {
    await file.close();
  }
}

async function hardLink(root: string, to: string, path: string): Promise<void> {
  const target = join(root, ...namesOf(to));
  if (!(await lstat(target)).isFile()) fail('malformed', 'a hard link in the backup leads to what is no file', { path });
  await link(target, path);
}

function namesOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (path.startsWith('/') || names.includes('..')) fail('malformed', 'a path in the backup leaves the folder', { path });
  return names;
}

function permissions(entry: Entry): number {
  return entry.mode & 0o1777;
}

/** Exact to a microsecond or so: what a double holds. */
function seconds(entry: Entry): number {
  return Number(entry.mtimeNs / 1000n) / 1_000_000;
}
