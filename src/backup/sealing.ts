/**
 * The chunks of an age payload (payload.ts) are sealed on a thread of their own, while this one reads, makes tar of it and writes:
 * the two take about as long. A backup of a few megabytes is over before a thread has begun: its blocks are sealed here.
 */
import { Worker } from 'node:worker_threads';
import { type Sealing, sealChunks } from './chunks.ts';

const INLINE_BLOCKS = 4;
/** Enough that neither thread waits for a disk that pauses for a moment. */
const FLYING_MAX = 8;

type Settle = { readonly resolve: (sealed: Uint8Array) => void; readonly reject: (error: unknown) => void };

/** Seals in the order in which it answers: one thread, first in, first out. */
class SealingThread {
  readonly #worker: Worker;
  readonly #waiting: Settle[] = [];
  #failed: unknown;

  constructor(key: Uint8Array) {
    this.#worker = new Worker(new URL('./sealing-worker.ts', import.meta.url), { workerData: key });
    this.#worker.on('message', (sealed: Uint8Array) => this.#waiting.shift()?.resolve(sealed));
    this.#worker.on('error', (error) => {
      this.#failed = error;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  seal(block: Sealing): Promise<Uint8Array> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // Its memory goes to the thread and is not copied.
      this.#worker.postMessage(block, [block.memory]);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/**
 * Yields the blocks sealed, in their order.
 * @param blocks are given away with their memory
 * @param spent is given the memory of each block when the next is asked for
 */
export async function* sealBlocks(
  key: Uint8Array,
  blocks: AsyncIterable<Sealing>,
  spent: (memory: ArrayBuffer) => void,
): AsyncGenerator<Uint8Array> {
  const flying: Promise<Uint8Array>[] = [];
  let thread: SealingThread | undefined;
  let count = 0;
  try {
    for await (const block of blocks) {
      count += 1;
      if (count <= INLINE_BLOCKS) {
        yield sealChunks(key, block);
        spent(block.memory);
        continue;
      }
      thread ??= new SealingThread(key);
      const sealed = thread.seal(block);
      // It is awaited in its turn; until then nobody listens.
      sealed.catch(() => undefined);
      flying.push(sealed);
      if (flying.length < FLYING_MAX) continue;
      const next = await (flying.shift() as Promise<Uint8Array>);
      yield next;
      spent(next.buffer as ArrayBuffer);
    }
    for (const sealed of flying) yield await sealed;
  } finally {
    await thread?.end();
  }
}
