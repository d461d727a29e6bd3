/**
 * A folder as a tar stream. Kept: files, folders, links inside it, hard links among its files, permissions, times. Left out, and
 * told: links that lead out of it (a restore would refuse them), sockets, pipes, devices, what cannot be read or vanishes.
 *
 * A file that changes while it is read has the size it had when it was opened: longer ones are cut, shorter ones filled with
 * zeros, as GNU tar does, and either is told. Owners are stored for `tar` and not restored (unpack.ts).
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { SMALL_BYTES } from './disk.ts';
import { linkLeaves } from './links.ts';
import { type Kind, type Stored, spellEntries } from './tar.ts';
import { type Found, passOver, type Remark, walk } from './walk.ts';

const READ_BYTES = 1 << 20;

export interface Remarks {
  /** Not in the backup. */
  leftOut(remark: Remark): void;
  /** In the backup, but it changed while it was read. */
  changed(remark: Remark): void;
}

/** @param except a folder, absolute, that is passed over: where the backup itself goes */
export function pack(root: string, except: string | undefined, remarks: Remarks): AsyncGenerator<Uint8Array> {
  return spellEntries(packAll(root, except, remarks));
}

async function* packAll(root: string, except: string | undefined, remarks: Remarks): AsyncGenerator<Stored> {
  /** Files with several names: the first one stored, and how many are still to come. */
  const linked = new Map<string, { path: string; left: bigint }>();
  for await (const found of walk(root, (remark) => remarks.leftOut(remark))) {
    const { absolute, names, stat } = found;
    const path = names.join('/');
    if (isWithin(absolute, except)) {
      if (absolute === except) remarks.leftOut({ path, why: 'it is where the backup goes' });
    } else if (stat.isDirectory()) {
      yield head('directory', names.length === 0 ? './' : `./${path}/`, stat);
    } else if (stat.isSymbolicLink()) {
      yield* packLink(root, found, remarks);
    } else if (stat.isFile()) {
      const key = `${stat.dev}:${stat.ino}`;
      const first = linked.get(key);
      if (first === undefined) {
        const stored = yield* packFile(found, remarks);
        if (stored && stat.nlink > 1n) linked.set(key, { path: `./${path}`, left: stat.nlink - 1n });
      } else {
        yield head('link', `./${path}`, stat, { linkPath: first.path });
        first.left -= 1n;
        if (first.left === 0n) linked.delete(key);
      }
    } else {
      remarks.leftOut({ path, why: 'it is a socket, a pipe or a device' });
    }
  }
}

async function* packLink(root: string, { names, absolute, stat }: Found, remarks: Remarks): AsyncGenerator<Stored> {
  const path = names.join('/');
  try {
    const target = await readlink(absolute);
    if (Buffer.from(target).includes('\ufffd')) remarks.leftOut({ path, why: 'it is a link to a name that is not UTF-8' });
    else if (await linkLeaves(root, names.slice(0, -1), target))
      remarks.leftOut({ path, why: 'it is a link that leads out of the folder' });
    else yield head('symlink', `./${path}`, stat, { linkPath: target });
  } catch (error) {
    passOver(error, path, (remark) => remarks.leftOut(remark));
  }
}

/** Returns whether the file was stored. */
async function* packFile({ names, absolute }: Found, remarks: Remarks): AsyncGenerator<Stored, boolean> {
  const path = names.join('/');
  const fd = openFile(absolute, path, remarks);
  if (fd === undefined) return false;
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) {
      remarks.leftOut({ path, why: 'it became something else while the backup was made' });
      return false;
    }
    const size = Number(stat.size);
    let missing = 0;
    const content = contentOf(fd, size, path, remarks, (bytes) => {
      missing = bytes;
    });
    yield head('file', `./${path}`, stat, { size, content });
    const after = fstatSync(fd, { bigint: true });
    if (missing > 0) remarks.changed({ path, why: `its last ${missing} bytes could not be read: the backup has zeros for them` });
    else if (after.size !== stat.size || after.mtimeNs !== stat.mtimeNs) remarks.changed({ path, why: 'it changed while it was read' });
    return true;
  } finally {
    closeSync(fd);
  }
}

function openFile(absolute: string, path: string, remarks: Remarks): number | undefined {
  // It was a file when it was listed; these flags keep a link or a pipe that took its place since from being followed or waited for.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return openSync(absolute, flags);
  } catch (error) {
    return passOver(error, path, (remark) => remarks.leftOut(remark));
  }
}

const readAside = promisify(read);

/** Exactly `size` bytes, because the header has promised them; those that had to be made up are told. */
async function* contentOf(
  fd: number,
  size: number,
  path: string,
  remarks: Remarks,
  missing: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const small = size <= SMALL_BYTES;
  const memory = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(READ_BYTES, size)));
  const readFrom = async (at: number): Promise<Uint8Array> => {
    const buffer = memory.reverse()[0] as Buffer;
    const where = { offset: 0, length: Math.min(buffer.length, size - at), position: at };
    try {
      const bytesRead = small ? readSync(fd, buffer, where) : (await readAside(fd, { buffer, ...where })).bytesRead;
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      passOver(error, path, (remark) => remarks.changed(remark));
      return buffer.subarray(0, 0);
    }
  };
  // What comes next is read while what was read is sealed.
  let reading = size > 0 ? readFrom(0) : undefined;
  for (let at = 0; reading !== undefined; ) {
    const taken = await reading;
    if (taken.length === 0) {
      missing(size - at);
      for (let left = size - at; left > 0; left -= READ_BYTES) yield new Uint8Array(Math.min(READ_BYTES, left));
      return;
    }
    at += taken.length;
    reading = at < size ? readFrom(at) : undefined;
    try {
      yield taken;
    } finally {
      // Whoever stops here closes the file, and must not do so under a read.
      await reading;
    }
  }
}

function head(kind: Kind, path: string, stat: BigIntStats, more: Partial<Pick<Stored, 'size' | 'content' | 'linkPath'>> = {}): Stored {
  const mode = Number(stat.mode) & 0o7777;
  return { kind, path, mode, mtimeNs: stat.mtimeNs, size: 0, uid: Number(stat.uid), gid: Number(stat.gid), ...more };
}

function isWithin(path: string, folder: string | undefined): boolean {
  return folder !== undefined && (path === folder || path.startsWith(`${folder}/`));
}
