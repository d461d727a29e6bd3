/**
 * A token that counts slots, over an empty store: the records are lost, or this is another node's folder. The node does not go on
 * from there unless it is told to heal; then it votes on nothing, and vouches for nobody, until it has read the feeds of
 * n-q+1 other nodes to their heads. (Attack: one node gets an empty store while another's token is put back, and vouches for it
 * out of ignorance. All nodes with empty stores at once would lose every share, and each would say that it votes.)
 *
 * A file in the folder of the store remembers that healing is not done, over any number of starts.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { writeWhole } from '../files/files.ts';
import type { Store } from '../store/store.ts';

export interface Healing {
  /** Enough feeds were read to their heads. */
  done(): void;
}

/**
 * @param slots how many the token counts
 * @param asked the operator said so
 * @returns nothing when there is nothing to heal
 * @throws `configuration`
 */
export async function healing(dataDir: string, slots: number, store: Store, asked: boolean): Promise<Healing | undefined> {
  const mark = join(dataDir, 'healing');
  const begun = existsSync(mark);
  if (!begun && (slots === 0 || (await store.counts()).slots > 0)) return undefined;
  if (!begun && !asked) {
    const ways = 'put its own dataDir back, or have it heal from the others: holdfast node start --heal, one node at a time';
    return fail('configuration', `dataDir: the store is empty, and this token counts ${slots} slots. Either ${ways}`, { slots });
  }
  if (!begun) writeWhole(mark, 'This node reads the records of the others before it votes. It removes this file when it has them.\n');
  return { done: () => rmSync(mark, { force: true }) };
}
