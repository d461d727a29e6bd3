/**
 * One bounded queue in front of a token's threads. Calls wait in lanes; a lane has servers (threads), and at the end of a tick
 * the free ones share what waits, `batchMax` calls each at most: a message costs as much as a signature. A server may rest after a
 * batch, so that more gathers for the next: that is what makes one token write out of many counter commits.
 *
 * Refused: `overloaded` when the queue is full; `timeout` when an answer is late, whatever becomes of the call itself (a
 * commit may still be made); what `pause` was given while the device is away. The queue knows neither threads nor PKCS#11.
 */
import { HoldfastError } from '../base/errors.ts';

export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

/** Answers a batch, one outcome per call, in order. Serves one batch at a time. A rejection fails the whole batch. */
export type Server<Q, R> = (batch: readonly Q[]) => Promise<readonly Outcome<R>[]>;

export interface QueueLimits {
  /** Calls waiting or running, over all lanes. */
  readonly queueMax: number;
  readonly deadlineMs: number;
}

interface Job<Q, R> {
  readonly request: Q;
  readonly settle: (outcome: Outcome<R>) => void;
  /** The caller has its answer already. */
  settled: boolean;
}

export interface LaneOptions {
  readonly batchMax: number;
  /** How long a server rests after a batch of so many calls that took it so long. */
  readonly restMs?: (calls: number, tookMs: number) => number;
}

interface Lane<Q, R> extends LaneOptions {
  waiting: Job<Q, R>[];
  readonly free: Server<Q, R>[];
  /** It will be served at the end of the tick. */
  called: boolean;
}

export class Queue<Lanes extends string, Q, R> {
  readonly #limits: QueueLimits;
  readonly #lanes = new Map<Lanes, Lane<Q, R>>();
  #outstanding = 0;
  #running = 0;
  #taken = 0;
  #paused: HoldfastError | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  addLane(name: Lanes, servers: readonly Server<Q, R>[], options: LaneOptions): void {
    this.#lanes.set(name, { ...options, waiting: [], free: [...servers], called: false });
  }

  /** Calls that were taken, since the start. */
  get taken(): number {
    return this.#taken;
  }

  submit(name: Lanes, request: Q): Promise<R> {
    const { queueMax, deadlineMs } = this.#limits;
    if (this.#paused !== undefined) return Promise.reject(this.#paused);
    if (this.#outstanding >= queueMax) {
      return Promise.reject(new HoldfastError('overloaded', 'too many calls wait for the token', { queueMax }));
    }
    this.#outstanding += 1;
    this.#taken += 1;
    return new Promise((resolve, reject) => {
      const late = () => job.settle({ error: new HoldfastError('timeout', 'the token did not answer in time', { deadlineMs }) });
      const timer = setTimeout(late, deadlineMs);
      const job: Job<Q, R> = {
        request,
        settled: false,
        settle: (outcome) => {
          if (job.settled) return;
          job.settled = true;
          this.#outstanding -= 1;
          clearTimeout(timer);
          if ('value' in outcome) resolve(outcome.value);
          else reject(outcome.error);
        },
      };
      const lane = this.#lanes.get(name) as Lane<Q, R>;
      lane.waiting.push(job);
      if (lane.called) return;
      lane.called = true;
      queueMicrotask(() => {
        lane.called = false;
        this.#serve(lane);
      });
    });
  }

  /** Fails what waits and what comes with `error`, until `resume`. What runs is left to end. */
  pause(error: HoldfastError): void {
    this.#paused = error;
    for (const lane of this.#lanes.values()) {
      for (const job of lane.waiting.splice(0)) job.settle({ error });
    }
  }

  resume(): void {
    this.#paused = undefined;
  }

  /** Resolves once no server is at work. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #serve(lane: Lane<Q, R>): void {
    while (lane.free.length > 0) {
      lane.waiting = lane.waiting.filter((job) => !job.settled);
      const batch = lane.waiting.splice(0, Math.min(lane.batchMax, Math.ceil(lane.waiting.length / lane.free.length)));
      const server = batch.length > 0 ? lane.free.pop() : undefined;
      if (server === undefined) return;
      this.#running += 1;
      void this.#run(lane, server, batch);
    }
  }

  async #run(lane: Lane<Q, R>, server: Server<Q, R>, batch: readonly Job<Q, R>[]): Promise<void> {
    const beganMs = performance.now();
    try {
      const outcomes = await server(batch.map((job) => job.request));
      for (const [i, job] of batch.entries()) job.settle(outcomes[i] ?? { error: new Error('bug: a call has no outcome') });
    } catch (error) {
      for (const job of batch) job.settle({ error });
    }
    this.#running -= 1;
    const free = () => {
      lane.free.push(server);
      this.#serve(lane);
    };
    const restMs = lane.restMs?.(batch.length, performance.now() - beganMs) ?? 0;
    if (restMs > 0) setTimeout(free, restMs);
    else free();
    if (this.#running === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
