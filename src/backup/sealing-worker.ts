/** A thread that seals blocks of chunks for src/backup/sealing.ts, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/errors.ts';
import { type Sealing, sealChunks } from './chunks.ts';

assert(parentPort !== null && workerData instanceof Uint8Array, 'this file runs as a worker thread and is given a key');
const [port, key] = [parentPort, workerData];
port.on('message', (block: Sealing) => {
  const sealed = sealChunks(key, block);
  port.postMessage(sealed, [block.memory]);
});
