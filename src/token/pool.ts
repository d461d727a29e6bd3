/**
 * A token's threads as one thing: started together, proven alike, and brought back together when the device went away.
 *
 * States: *up* calls are served; *away* the device failed, calls fail with `token-unavailable` while sessions are opened
 * anew with growing pauses; *dead* for good, after something that time does not mend: the device came back with other keys or
 * with older counters, another process took the token, a thread crashed. Only a new process leaves *dead*.
 */
import { equalBytes } from '../base/bytes.ts';
import { alarm, HoldfastError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { type BankState, COMMITS_MAX } from './bank/bank.ts';
import { type Call, type Connected, type ConnectRequest, fromRefusal, type Value } from './calls.ts';
import { type Outcome, Queue, type QueueLimits } from './queue.ts';
import type { KeySpec } from './roles.ts';
import { Thread } from './thread.ts';

export interface PoolOptions extends QueueLimits {
  readonly module: string;
  readonly label: string;
  readonly pin: Secret<string>;
  readonly initString?: string | undefined;
  readonly profile?: string | undefined;
  readonly workers: number;
  /** Keys whose public halves are read at start and must never change. */
  readonly keys: readonly KeySpec[];
  /** A node's token: probed, shares opened, the counter bank with a writer of its own. Otherwise it only signs. */
  readonly node: boolean;
}

type LaneName = 'compute' | 'counters';
type PoolState = 'up' | 'away' | 'dead';

/** Of what waits one thread takes no more at a time, or one that comes later would wait for all of it. */
const COMPUTED_AT_ONCE = 8;

/**
 * A write takes as long for two hundred commits as for one, so when people come at the same time the writer waits for more of
 * them. Who comes alone is not kept waiting.
 */
function restAfterWriting(commits: number, tookMs: number): number {
  return commits > 1 ? Math.min(50, 8 * tookMs) : 0;
}

const RETRY_MS = { first: 100, most: 5000 };

/** How many pools of this process use a module: only the last one may end it. */
const users = new Map<string, number>();

export class Pool {
  readonly #options: PoolOptions;
  readonly #queue: Queue<LaneName, Call, Value>;
  readonly #compute: readonly Thread[];
  readonly #writer: Thread | undefined;
  #state: PoolState = 'away';
  #closed = false;
  #moduleRestarts = 0;
  #first: Connected = {};
  #bank: BankState | undefined;

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new Queue(options);
    const whenEnded = (error: HoldfastError) => this.#die(error);
    this.#compute = Array.from({ length: options.workers }, () => new Thread(whenEnded));
    this.#writer = options.node ? new Thread(whenEnded) : undefined;
    const server = (thread: Thread) => (batch: readonly Call[]) => this.#serve(thread, batch);
    this.#queue.addLane('compute', this.#compute.map(server), { batchMax: COMPUTED_AT_ONCE });
    const writers = this.#writer === undefined ? [] : [server(this.#writer)];
    this.#queue.addLane('counters', writers, { batchMax: COMMITS_MAX, restMs: restAfterWriting });
    users.set(options.module, (users.get(options.module) ?? 0) + 1);
  }

  /** @throws what the token lacks or refuses; nothing is left running then. */
  static async open(options: PoolOptions): Promise<Pool> {
    const pool = new Pool(options);
    try {
      pool.#first = await pool.#connect(false);
      pool.#state = 'up';
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  get first(): Connected {
    return this.#first;
  }

  get state(): PoolState {
    return this.#state;
  }

  get bank(): BankState | undefined {
    return this.#bank;
  }

  get moduleRestarts(): number {
    return this.#moduleRestarts;
  }

  get calls(): number {
    return this.#queue.taken;
  }

  call(lane: LaneName, call: Call): Promise<Value> {
    return this.#queue.submit(lane, call);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.pause(new HoldfastError('token-unavailable', 'the token is closed'));
    // A device that hangs must not keep the process: its thread is ended in the middle of its call.
    const { deadlineMs } = this.#options;
    await Promise.race([this.#queue.idle(), new Promise((resolve) => setTimeout(resolve, deadlineMs).unref())]);
    await Promise.all(this.#threads().map((thread) => thread.close()));
    users.set(this.#options.module, (users.get(this.#options.module) ?? 1) - 1);
  }

  #threads(): Thread[] {
    return this.#writer === undefined ? [...this.#compute] : [...this.#compute, this.#writer];
  }

  /** The first thread probes, the others take its word. */
  async #connect(anew: boolean): Promise<Connected> {
    const { module, label, pin, initString, profile, keys } = this.#options;
    const request = (part: ConnectRequest['part'], first: boolean): ConnectRequest => {
      // Ending the module ends it for every token of this process: when others use it too, opening sessions has to do.
      return { module, label, initString, profile, pin: pin.reveal(), part, anew: first && anew && users.get(module) === 1 };
    };
    const [leader, ...others] = this.#compute as [Thread, ...Thread[]];
    const connected = await leader.connect(request({ role: 'compute', suite: this.#options.node ? 'probe' : 'none', keys }, true));
    const suite = connected.findings?.suite ?? 'none';
    for (const thread of others) await thread.connect(request({ role: 'compute', suite, keys: [] }, false));
    if (this.#writer === undefined) return connected;
    const { bank } = await this.#writer.connect(request({ role: 'counters' }, false));
    if (bank !== undefined) this.#keep(bank);
    return { ...connected, ...(bank && { bank }) };
  }

  /** What this process found when it first opened the token stays what it found. */
  #keep(bank: BankState): void {
    const { foundSequence, vouchedSequence } = this.#bank ?? bank;
    this.#bank = { ...bank, foundSequence, vouchedSequence };
  }

  async #serve(thread: Thread, calls: readonly Call[]): Promise<readonly Outcome<Value>[]> {
    const reply = await thread.order({ kind: 'run', calls });
    if (reply.kind !== 'ran') throw new Error('bug: run is answered by ran');
    if (reply.bank !== undefined) this.#keep(reply.bank);
    const outcomes = reply.outcomes.map((outcome) => ('value' in outcome ? outcome : { error: fromRefusal(outcome.refused) }));
    if (reply.gone) this.#lose(outcomes.find((outcome) => 'error' in outcome)?.error);
    return outcomes;
  }

  #lose(cause: HoldfastError | undefined): void {
    if (this.#state !== 'up' || this.#closed) return;
    if (cause?.code === 'alarm') {
      this.#die(cause);
      return;
    }
    this.#state = 'away';
    this.#queue.pause(new HoldfastError('token-unavailable', 'the token is away', cause?.evidence ?? {}, cause));
    void this.#comeBack();
  }

  /** New sessions are tried first; if they do not do, the module is ended and begun again, which is harder on the TLS engine. */
  async #comeBack(): Promise<void> {
    let anew = false;
    for (let pauseMs = RETRY_MS.first; this.#state === 'away' && !this.#closed; pauseMs = Math.min(2 * pauseMs, RETRY_MS.most)) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await this.#queue.idle();
      if (this.#closed) return;
      try {
        await Promise.all(this.#threads().map((thread) => thread.order({ kind: 'disconnect' })));
        if (anew) this.#moduleRestarts += 1;
        const again = await this.#connect(anew);
        for (const [label, publicKey] of Object.entries(this.#first.publicKeys ?? {})) {
          const found = again.publicKeys?.[label];
          if (found === undefined || !equalBytes(found, publicKey)) alarm('the token came back with other keys', { label });
        }
        this.#state = 'up';
        this.#queue.resume();
        return;
      } catch (error) {
        const passing = error instanceof HoldfastError && error.code === 'token-unavailable';
        // Through old eyes a module may see old things: what it says counts only once it has been begun again.
        if (anew && !passing) this.#die(error);
        anew = true;
      }
    }
  }

  #die(cause: unknown): void {
    if (this.#closed) return;
    this.#state = 'dead';
    const why = cause instanceof HoldfastError ? cause : new HoldfastError('alarm', 'a thread of the token failed', {}, cause);
    this.#queue.pause(
      new HoldfastError('token-unavailable', `the token is not used any more by this process: ${why.message}`, why.evidence, why),
    );
  }
}
