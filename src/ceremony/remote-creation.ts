/**
 * A token's creation (src/token/creation.ts) as a ceremony's steps call it: in a process of its own (creation-process.ts)
 * with its own environment. Started by the first call; calls are made one after the other.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fail, HoldfastError } from '../base/errors.ts';
import type { KeySpec } from '../token/index.ts';
import type { Answer, Order, TokenPlace } from './creation-process.ts';
import type { Facts } from './plan.ts';

export class RemoteCreation {
  readonly #place: TokenPlace;
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param environment what the module wants to find there, SOFTHSM2_CONF for instance */
  constructor(place: TokenPlace, environment: Readonly<Record<string, string>>) {
    this.#place = place;
    this.#environment = environment;
  }

  /** @throws `token-unsuitable`, `token-unavailable` */
  async probe(): Promise<Facts> {
    return (await this.#order({ op: 'probe' })) ?? fail('alarm', 'the probe found nothing');
  }

  async createKey(spec: KeySpec): Promise<void> {
    await this.#order({ op: 'createKey', spec });
  }

  /** Nothing when no object has the label. @throws `token-unsuitable` naming the attribute that is not what it must be */
  readKey(spec: KeySpec): Promise<Facts | undefined> {
    return this.#order({ op: 'readKey', spec });
  }

  async createPages(pages: number): Promise<void> {
    await this.#order({ op: 'createPages', pages });
  }

  readPages(): Promise<Facts | undefined> {
    return this.#order({ op: 'readPages' });
  }

  /** `refused`: each attempt with the device's answer; `open`: what the device let happen. */
  async tryMisuse(): Promise<Facts> {
    return (await this.#order({ op: 'tryMisuse' })) ?? fail('alarm', 'nothing was tried');
  }

  close(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }

  #order(order: Order): Promise<Facts | undefined> {
    const next = this.#last.then(async () => {
      this.#child ??= await this.#open();
      return ask(this.#child, order);
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #open(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, 'creation-process.ts'), {
      env: { ...process.env, ...this.#environment },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      await ask(child, { op: 'open', place: this.#place });
      return child;
    } catch (error) {
      child.disconnect();
      throw error;
    }
  }
}

function ask(child: ChildProcess, order: Order): Promise<Facts | undefined> {
  return new Promise((resolve, reject) => {
    const died = () => reject(new HoldfastError('token-unavailable', 'the process that holds the token ended', { order: order.op }));
    child.once('exit', died);
    child.once('message', (answer: Answer) => {
      child.off('exit', died);
      if ('facts' in answer) return resolve(answer.facts);
      const { code, message, evidence } = answer.failure;
      reject(code === undefined ? new Error(message) : new HoldfastError(code, message, evidence));
    });
    child.send(order);
  });
}
