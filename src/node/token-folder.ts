/**
 * SoftHSM keeps its tokens in files and does not sync them. A node does that itself before it tells others that it started: else a
 * power cut takes a start that others remember (docs/design.md, "Rollback", *A lost start*). What it votes afterwards is not
 * synced, vote by vote: that others remember, and rule 1 finds it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sync } from '../files/files.ts';

/**
 * @param env where SOFTHSM2_CONF names SoftHSM's configuration; its tokens are synced, each file and folder
 * @returns how many; 0 where there is no such folder: other modules keep their tokens themselves
 * @throws what the file system says
 */
export function syncTokens(env: NodeJS.ProcessEnv): number {
  const conf = env['SOFTHSM2_CONF'];
  const folder = conf && /^\s*directories\.tokendir\s*=\s*(.*?)\s*$/m.exec(readFileSync(conf, 'utf8'))?.[1];
  if (!folder) return 0;
  const paths = [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))];
  for (const path of paths) sync(path);
  return paths.length;
}
