/** Memos as files of the user's own: 0600, synced and renamed, so that a crash leaves the old one or the new one. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type MemoStore, parseMemo, spellMemo } from '../memo.ts';

export function memoFiles(directory: string): MemoStore {
  return {
    async load(slot) {
      try {
        return parseMemo(await readFile(join(directory, `${slot}.json`), 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
        throw error;
      }
    },
    async save(slot, memo) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const path = join(directory, `${slot}.json`);
      const file = await open(`${path}.new`, 'w', 0o600);
      try {
        await file.writeFile(spellMemo(memo));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    },
  };
}
