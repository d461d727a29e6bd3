/**
 * One process per data folder: two that keep one log would sign two trees. A socket in Linux' abstract name space, named
 * after the folder's inode: taken by one process, and given back by the kernel however that process ends. Containers that
 * share a folder but not a network name space do not see each other's.
 */
import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { fail } from '../base/errors.ts';

export interface Ownership {
  release(): Promise<void>;
}

/** @throws `configuration` while another process of this machine has the folder */
export async function ownFolder(folder: string): Promise<Ownership> {
  const { dev, ino } = statSync(folder);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(`\0holdfast-witness-${dev}-${ino}`, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return fail('configuration', `dataDir: another process works in ${folder}: stop it first`);
  });
  server.unref();
  return { release: () => new Promise((resolve) => void server.close(() => resolve())) };
}
