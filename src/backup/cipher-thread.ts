/**
 * The chunks of an age payload (payload.ts) are sealed and opened on a thread of their own, while this one reads, makes tar of it
 * or takes it apart, and writes: the two take about as long. A few megabytes are done before a thread has begun: they are done here.
 */
import { Worker } from 'node:worker_threads';
import { type Block, openChunks, sealChunks } from './chunks.ts';

export interface Cipher {
  readonly work: 'seal' | 'open';
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const INLINE_BLOCKS = 4;
/** Enough that neither thread waits for a disk that pauses for a moment. */
const FLYING_MAX = 8;

type Done = Uint8Array | undefined;
type Settle = { readonly resolve: (done: Done) => void; readonly reject: (error: unknown) => void };

/** Answers in the order in which it is asked: one thread, first in, first out. */
class CipherThread {
  readonly #worker: Worker;
  readonly #waiting: Settle[] = [];
  #failed: unknown;

  constructor(cipher: Cipher) {
    this.#worker = new Worker(new URL('./cipher-worker.ts', import.meta.url), { workerData: cipher });
    this.#worker.on('message', (done: Done) => this.#waiting.shift()?.resolve(done));
    this.#worker.on('error', (error) => {
      this.#failed = error;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  perform(block: Block): Promise<Done> {
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
 * Yields each block sealed, or opened, in their order; undefined for one that does not open.
 * @param blocks are given away with their memory
 * @param spent is given the memory of each block when the next is asked for
 */
export async function* throughCipher(
  cipher: Cipher,
  blocks: AsyncIterable<Block>,
  spent: (memory: ArrayBuffer) => void = () => undefined,
): AsyncGenerator<Done> {
  const here = cipher.work === 'seal' ? sealChunks : openChunks;
  const flying: Promise<Done>[] = [];
  let thread: CipherThread | undefined;
  let count = 0;
  try {
    for await (const block of blocks) {
      count += 1;
      if (count <= INLINE_BLOCKS) {
        yield here(cipher.key, block);
        spent(block.memory);
        continue;
      }
      thread ??= new CipherThread(cipher);
      const done = thread.perform(block);
      // It is awaited in its turn; until then nobody listens.
      done.catch(() => undefined);
      flying.push(done);
      if (flying.length < FLYING_MAX) continue;
      const next = await (flying.shift() as Promise<Done>);
      yield next;
      if (next !== undefined) spent(next.buffer as ArrayBuffer);
    }
    for (const done of flying) yield await done;
  } finally {
    await thread?.end();
  }
}
