/**
 * The point of no return of a log: which entry stands at which place is decided when this record is on disk, before a tile is
 * written and before any key signs. Killed after it, the log goes on from it at the next start; killed before it, nothing
 * happened. So there is never a second entry at one place, nor a second tree of one size.
 *
 *   log/decided.json   {"size", "root", "entry"?}: the tree with its last entry; without one, the empty tree
 */
import { z } from 'zod';
import { fromBase64, toBase64 } from '../../base/base64.ts';
import { alarm } from '../../base/errors.ts';
import type { Files } from '../../files/files.ts';
import type { TreeHead } from '../../log/checkpoint.ts';

const FILE = 'log/decided.json';
const decided = z.strictObject({ size: z.int().min(0), root: z.string(), entry: z.string().optional() });

export interface Decision extends TreeHead {
  /** The last leaf, a signed note. */
  readonly entry?: string;
}

export async function decide(files: Files, { size, root, entry }: Decision): Promise<void> {
  const spelled: z.input<typeof decided> = { size, root: toBase64(root), ...(entry !== undefined && { entry }) };
  await files.write(FILE, `${JSON.stringify(spelled)}\n`);
}

/** Nothing where no log was begun. @throws `alarm` for a record that is not one */
export async function lastDecision(files: Files): Promise<Decision | undefined> {
  const bytes = await files.read(FILE);
  if (bytes === undefined) return undefined;
  try {
    const { size, root, entry } = decided.parse(JSON.parse(bytes.toString('utf8')));
    return { size, root: fromBase64(root), ...(entry !== undefined && { entry }) };
  } catch {
    return alarm(`${FILE} is damaged`);
  }
}
