/**
 * Group commit: while one transaction is on its way to the disk, what comes next gathers for the following one. Every write
 * resolves after its own transaction is durable, or rejects with it.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Code, codes, fail, HoldfastError } from '../base/errors.ts';
import type { Order, Write, Written } from './writer.ts';

/** Beyond this the disk is too slow for what is asked, and memory must not pay for it. */
const WAITING_MAX = 4096;

export interface Batches {
  /** All of them in one transaction. @throws `overloaded`, also on a full disk; `alarm` when it fails, and from then on always */
  write(writes: readonly Write[]): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** @throws what opening the file throws */
export async function startBatches(file: string): Promise<Batches> {
  const worker = new Worker(new URL('./writer.ts', import.meta.url), { workerData: file });
  const [ready] = (await once(worker, 'message')) as [Written];
  if (ready.failed !== undefined) {
    const { code, message } = ready.failed;
    await worker.terminate();
    fail(code in codes ? (code as Code) : 'configuration', message, { file });
  }
  return new WorkerBatches(worker);
}

class WorkerBatches implements Batches {
  readonly #worker: Worker;
  #waiting: Waiting[] = [];
  #writing: readonly Waiting[] = [];
  /** Why nothing is written any more. */
  #ended: Error | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (written: Written) => this.#settle(written));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', () => this.#end(new HoldfastError('alarm', 'the thread of the store ended')));
  }

  write(writes: readonly Write[]): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new HoldfastError('overloaded', 'too many writes wait for the disk', { waiting: this.#waiting.length }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, resolve, reject });
      // At the end of the tick: what the same tick saves shares the transaction.
      if (this.#writing.length === 0 && this.#waiting.length === 1) queueMicrotask(() => this.#send());
    });
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    if (this.#waiting.length + this.#writing.length > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    this.#ended = new HoldfastError('alarm', 'the store was closed');
    const exited = once(this.#worker, 'exit');
    this.#worker.postMessage('close' satisfies Order);
    await exited;
  }

  #send(): void {
    if (this.#writing.length > 0 || this.#waiting.length === 0) return;
    this.#writing = this.#waiting;
    this.#waiting = [];
    this.#worker.postMessage({ batch: this.#writing.flatMap(({ writes }) => writes) } satisfies Order);
  }

  #settle({ failed }: Written): void {
    const done = this.#writing;
    this.#writing = [];
    if (failed === undefined) for (const { resolve } of done) resolve();
    else if (failed.full) for (const { reject } of done) reject(new HoldfastError('overloaded', 'the disk of the store is full'));
    // After a failed fsync nobody can tell what the disk holds, whatever the next one says: only a restart reads it anew.
    else this.#end(new HoldfastError('alarm', 'the store cannot be written', { reason: failed.message }), done);
    this.#send();
    if (this.#writing.length === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #end(error: Error, done: readonly Waiting[] = this.#writing): void {
    this.#ended ??= error;
    for (const { reject } of [...done, ...this.#waiting]) reject(this.#ended);
    this.#writing = [];
    this.#waiting = [];
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
