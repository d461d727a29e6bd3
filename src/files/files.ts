/**
 * Files that are there, whole, after a power cut: written aside, synced, renamed, and the folder synced. A file that is written again is
 * replaced in one step; readers see the old one or the new one. One process at a time, and one write of a name at a time.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface WriteOptions {
  /** Others may read it: unless said otherwise, nobody may. */
  readonly isPublic?: boolean;
  /** Told before every change to the disk: tests stop the process at any of them. */
  readonly step?: (what: 'write' | 'rename') => void;
}

/** Returns once the file is on disk under its name. Blocks for as long as the disk takes. */
export function writeWhole(file: string, content: Uint8Array | string, { isPublic = false, step }: WriteOptions = {}): void {
  makeFolder(dirname(file), isPublic ? 0o755 : 0o700);
  const aside = `${file}.new`;
  step?.('write');
  const handle = openSync(aside, 'w', isPublic ? 0o644 : 0o600);
  try {
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  step?.('rename');
  renameSync(aside, file);
  sync(dirname(file));
}

/** A folder that is made is an entry in the one above, which must be synced too. */
function makeFolder(folder: string, mode: number): void {
  const first = mkdirSync(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) sync(dirname(made));
}

/** Of a file or a folder: what was written of it is on disk. Blocks for as long as the disk takes. */
export function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The files of one folder, by their names in it; others may read them. */
export class Files {
  readonly folder: string;
  readonly #step: (what: string) => void;

  /** @param step told what is about to be changed, and of which name */
  constructor(folder: string, step: (what: string) => void = () => undefined) {
    this.folder = folder;
    this.#step = step;
  }

  /** Resolves once the file is on disk under its name. */
  async write(name: string, content: Uint8Array | string): Promise<void> {
    writeWhole(join(this.folder, name), content, { isPublic: true, step: (what) => this.#step(`${what} ${name}`) });
  }

  /** A folder and what is in it, if it is there. */
  async removeFolder(name: string): Promise<void> {
    const folder = join(this.folder, name);
    if (!existsSync(folder)) return;
    this.#step(`remove ${name}`);
    rmSync(folder, { recursive: true });
    sync(dirname(folder));
  }

  async read(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}
