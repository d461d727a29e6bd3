/** A thread that seals or opens blocks of chunks for src/backup/cipher-thread.ts, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/errors.ts';
import { type Block, openChunks, sealChunks } from './chunks.ts';
import type { Cipher } from './cipher-thread.ts';

assert(parentPort !== null, 'this file runs as a worker thread');
const port = parentPort;
const { work, key } = workerData as Cipher;
const perform = work === 'seal' ? sealChunks : openChunks;
port.on('message', (block: Block) => port.postMessage(perform(key, block), [block.memory]));
