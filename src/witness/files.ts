/**
 * Files that are there, whole, after a power cut: written aside, synced, renamed, and the folder synced. A file that is
 * written again is replaced in one step; readers see the old one or the new one. One process at a time (src/witness/owner.ts),
 * and one write of a name at a time.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export class Files {
  readonly folder: string;
  readonly #step: (what: string) => void;

  /** @param step told before every change to the disk: tests stop the process at any of them */
  constructor(folder: string, step: (what: string) => void = () => undefined) {
    this.folder = folder;
    this.#step = step;
  }

  /** Resolves once the file is on disk under its name. */
  async write(name: string, bytes: Uint8Array | string): Promise<void> {
    const file = join(this.folder, name);
    await this.#makeFolder(dirname(file));
    const aside = `${file}.new`;
    this.#step(`write ${name}`);
    const handle = await open(aside, 'w', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    this.#step(`rename ${name}`);
    await rename(aside, file);
    await sync(dirname(file));
  }

  async read(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** A folder that is made is an entry in the one above, which must be synced too. */
  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true, mode: 0o755 });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) await sync(dirname(made));
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
