/** The main thread's end of one worker thread: one order at a time, one reply each. */
import { Worker } from 'node:worker_threads';
import { assert, HoldfastError } from '../base/errors.ts';
import { type Connected, type ConnectRequest, fromRefusal, type Order, type Reply } from './calls.ts';

export class Thread {
  readonly #worker: Worker;
  #waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: unknown) => void } | undefined;
  #ended: HoldfastError | undefined;

  /** @param whenEnded called when the thread ended by itself, which only a bug or a crash of the module brings about. */
  constructor(whenEnded: (error: HoldfastError) => void) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url));
    this.#worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(reply);
    });
    const end = (cause: unknown) => {
      if (this.#ended !== undefined) return;
      this.#ended = new HoldfastError('token-unavailable', 'a thread of the token ended', {}, cause);
      this.#waiting?.reject(this.#ended);
      whenEnded(this.#ended);
    };
    this.#worker.on('error', end);
    this.#worker.on('exit', end);
  }

  async connect(request: ConnectRequest): Promise<Connected> {
    const reply = await this.order({ kind: 'connect', request });
    assert(reply.kind === 'connected', 'connect is answered by connected');
    return reply.connected;
  }

  /** @throws what the thread refused the whole order with. */
  async order(order: Order): Promise<Reply> {
    assert(this.#waiting === undefined, 'a thread does one thing at a time');
    if (this.#ended !== undefined) throw this.#ended;
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(order);
    });
    if (reply.kind === 'failed') throw fromRefusal(reply.refused);
    return reply;
  }

  async close(): Promise<void> {
    if (this.#ended === undefined) {
      await this.order({ kind: 'disconnect' }).catch(() => undefined);
      this.#ended = new HoldfastError('token-unavailable', 'the token is closed');
    }
    await this.#worker.terminate();
  }
}
