/** Memos as files of the user's own: 0600, synced and renamed, so that a crash leaves the old one or the new one. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../base/errors.ts';
import { type MemoStore, parseMemo, spellMemo } from '../memo.ts';

export function memoFiles(directory: string): MemoStore {
  return {
    async load(slot) {
      const file = join(directory, `${slot}.json`);
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return {};
      try {
        return parseMemo(text);
      } catch (cause) {
        // Never taken for an empty one: it may hold a guess or a change that was begun.
        return fail('configuration', `${file} is damaged. Removed, it forgets what this device had begun and not finished`, {}, cause);
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
