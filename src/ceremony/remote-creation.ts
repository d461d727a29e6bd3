/**
 * A token's creation (src/token/creation.ts) as a ceremony's steps call it: in a process of its own (creation-process.ts)
 * with its own environment. Started by the first call; calls are made one after the other. The PIN is asked for when the token
 * is first opened, and not before.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fromBase64url, toBase64url } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { KeySpec, Targets } from '../token/index.ts';
import type { Answer, Order, Pin, TokenPlace } from './creation-process.ts';
import type { Facts } from './plan.ts';

export interface RemoteOptions {
  /** What the module wants to find there, SOFTHSM2_CONF for instance. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly pin: () => Promise<Pin>;
  /** Told every PKCS#11 call, for a dry run. */
  readonly onCall?: ((call: string) => void) | undefined;
}

export class RemoteCreation {
  readonly #place: TokenPlace;
  readonly #options: RemoteOptions;
  #child: ChildProcess | undefined;
  #opened = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(place: TokenPlace, options: RemoteOptions) {
    this.#place = place;
    this.#options = options;
  }

  /** Before anyone logs in. @throws `token-unavailable`, `configuration` */
  async look(): Promise<Facts> {
    return (await this.#order({ op: 'look', place: this.#place }, false)) ?? fail('alarm', 'the slot says nothing');
  }

  /** @throws `configuration` when it was initialised before */
  async initialise(soPin: Pin, pin: Pin): Promise<void> {
    await this.#order({ op: 'initialise', place: this.#place, soPin, pin }, false);
  }

  /** @throws `token-unsuitable`, `token-unavailable` */
  async probe(): Promise<Facts> {
    return (await this.#order({ op: 'probe' })) ?? fail('alarm', 'the probe found nothing');
  }

  /** As `probe`, of a token that opens no shares. */
  async describe(): Promise<Facts> {
    return (await this.#order({ op: 'describe' })) ?? fail('alarm', 'the token says nothing');
  }

  async createKey(spec: KeySpec): Promise<void> {
    await this.#order({ op: 'createKey', spec });
  }

  /** Nothing when no object has the label. @throws `token-unsuitable` naming the attribute that is not what it must be */
  readKey(spec: KeySpec): Promise<Facts | undefined> {
    return this.#order({ op: 'readKey', spec });
  }

  async destroyKey(spec: KeySpec): Promise<void> {
    await this.#order({ op: 'destroyKey', spec });
  }

  async destroyData(): Promise<void> {
    await this.#order({ op: 'destroyData' });
  }

  async sign(spec: KeySpec, bytes: Uint8Array): Promise<Uint8Array> {
    const facts = await this.#order({ op: 'sign', spec, bytes: toBase64url(bytes) });
    return fromBase64url(String(facts?.['signature']));
  }

  async createPages(pages: number): Promise<void> {
    await this.#order({ op: 'createPages', pages });
  }

  readPages(): Promise<Facts | undefined> {
    return this.#order({ op: 'readPages' });
  }

  /** `refused`: each attempt with the device's answer; `open`: what the device let happen. @param targets not those of a node */
  async tryMisuse(targets?: Targets): Promise<Facts> {
    return (await this.#order({ op: 'tryMisuse', ...(targets && { targets }) })) ?? fail('alarm', 'nothing was tried');
  }

  /** The next call starts a new process, and asks for the PIN again. */
  close(): void {
    this.#child?.disconnect();
    this.#child = undefined;
    this.#opened = false;
  }

  #order(order: Order, inside = true): Promise<Facts | undefined> {
    const next = this.#last.then(async () => {
      this.#child ??= this.#start();
      if (inside && !this.#opened) {
        await this.#ask(this.#child, { op: 'open', place: this.#place, pin: await this.#options.pin() });
        this.#opened = true;
      }
      return this.#ask(this.#child, order);
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  #start(): ChildProcess {
    return fork(join(import.meta.dirname, 'creation-process.ts'), {
      env: { ...process.env, ...this.#options.environment },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  }

  async #ask(child: ChildProcess, order: Order): Promise<Facts | undefined> {
    const answer = await ask(child, order);
    for (const call of answer.calls) this.#options.onCall?.(call);
    if ('facts' in answer) return answer.facts;
    const { code, message, evidence } = answer.failure;
    if (order.op === 'open') this.close();
    throw code === undefined ? new Error(message) : new HoldfastError(code, message, evidence);
  }
}

function ask(child: ChildProcess, order: Order): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const died = () => reject(new HoldfastError('token-unavailable', 'the process that holds the token ended', { order: order.op }));
    child.once('exit', died);
    child.once('message', (answer: Answer) => {
      child.off('exit', died);
      resolve(answer);
    });
    child.send(order);
  });
}
