/** A person's client without HTTP: the client's machines, carried by the coordinator of one node of a test fleet. */
import { createHash } from 'node:crypto';
import { parseEvents } from '../../src/api/events.ts';
import { type Id, utf8 } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { type ClientKey, generateClientKey } from '../../src/client/key.ts';
import { memoryMemos } from '../../src/client/memo.ts';
import { blindInput, dealRegistration, dealTombstone, openRegistration, type Tools } from '../../src/client/open.ts';
import { fastVerify } from '../../src/node/verify.ts';
import type { Authorised, Caller } from '../../src/quorum/ask.ts';
import { type Announced, cancel, type Objected } from '../../src/quorum/client/cancel.ts';
import { type Authority, type Deposited, deposit } from '../../src/quorum/client/deposit.ts';
import type { Call, Client, ClientEffect, ClientMachine, Dealt, Heard } from '../../src/quorum/client/effects.ts';
import { type AccountEvents, askEvents } from '../../src/quorum/client/events.ts';
import { pushActivation, pushConfirmation } from '../../src/quorum/client/push.ts';
import { type Recovered, recover } from '../../src/quorum/client/recover.ts';
import { askStatus, type SlotStatus } from '../../src/quorum/client/status.ts';
import { clientKeyId } from '../../src/vault/client-key.ts';
import { DEFAULT_KDF } from '../../src/vault/kdf.ts';
import type { Policy } from '../../src/vault/policy.ts';
import { parseRegistration } from '../../src/vault/registration.ts';
import { accountId, PASSCODE, type Place, slotId, type WayIn } from '../../src/vault/slot.ts';
import { encodeMessage, type Operation } from '../../src/wire/message.ts';
import type { TestFleet } from './fleet.ts';

export const POLICY: Policy = { guesses: 10, coolingOffSeconds: 3600, graceSeconds: 0 };

/** Argon2id guards against whoever holds t shares; here nobody does. */
const tools: Tools = {
  random: systemRandom,
  argon2id: (password, salt) => new Uint8Array(createHash('sha256').update(password).update(salt).digest()),
};

/** A client in a browser uses vault/unlock.ts; test/node/verify.test.ts has both agree. */
const verify = fastVerify();

const typed = (passcode: string) => new Secret(utf8(passcode));

export class Person {
  readonly place: Place;
  readonly slot: Id;
  /** The node that carries the messages first. */
  via = 0;
  /** Before each call: throws what no node takes it for. */
  refused: (op: Call['op']) => void = () => undefined;
  readonly #at: TestFleet;
  readonly #key: ClientKey;
  readonly #memos = memoryMemos();
  readonly #client: Client;

  private constructor(at: TestFleet, key: ClientKey, place: Place) {
    this.place = place;
    this.slot = slotId(place);
    this.#at = at;
    this.#key = key;
    this.#client = { fleet: at.fleet, place, verify };
  }

  static async of(at: TestFleet, name: string, way: WayIn = PASSCODE): Promise<Person> {
    const place = { tenant: 'tenant', account: accountId('test', 'issuer', name), way };
    return new Person(at, await generateClientKey(), place);
  }

  deposit(passcode: string, secret: Uint8Array, policy: Policy = POLICY, authority?: Authority): Promise<Deposited> {
    const made = { secret: new Secret(secret), input: typed(passcode), policy, kdf: DEFAULT_KDF };
    const deal = (generation: number) => dealRegistration(this.#at.fleet, this.place, generation, made, tools);
    return this.#drive(deposit(this.#client, authority), '', deal);
  }

  remove(authority: Authority): Promise<Deposited> {
    return this.#drive(deposit(this.#client, authority), '', (generation) =>
      dealTombstone(this.#at.fleet, this.place, generation, POLICY, tools),
    );
  }

  recover(passcode: string): Promise<Recovered> {
    return this.#drive(recover(this.#client), passcode);
  }

  status(): Promise<SlotStatus> {
    return this.#drive(askStatus(this.#client), '');
  }

  events(): Promise<AccountEvents> {
    return this.#drive(askEvents(this.#client), '');
  }

  cancel(announced: Announced, { registration, opened }: Authority): Promise<Objected> {
    return this.#drive(cancel(this.#client, announced, { registration, owner: opened.owner }), '');
  }

  async push(): Promise<boolean> {
    return (await this.#drive(pushConfirmation(this.#client), '')) && (await this.#drive(pushActivation(this.#client), ''));
  }

  /** What a request of this person looks like to a member. */
  async authorised(
    operation: Operation,
    fields: { generation?: number; digest?: Id; attempt?: number; body?: Id } = {},
  ): Promise<Authorised> {
    const none = '0'.repeat(64) as Id;
    const { request } = await this.#request({
      kind: 'request',
      operation,
      slot: this.slot,
      generation: 0,
      digest: none,
      attempt: 0,
      body: none,
      ...fields,
    });
    return { caller: this.caller, request };
  }

  /** The deposit that was begun, as it is sent to be voted on. */
  async pending() {
    const { deposit: begun } = await this.#memos.load(this.slot);
    const registration = parseRegistration(begun!.registration, this.#at.fleet);
    const { generation, digest } = registration;
    return { ...(await this.authorised('register', { generation, digest, body: digest })), registration };
  }

  get caller(): Caller {
    const { publicKey } = this.#key;
    return { place: this.place, clientKey: publicKey, clientKeyId: clientKeyId(publicKey), pass: new Secret('pass') };
  }

  async #drive<T>(machine: ClientMachine<T>, passcode: string, deal?: (generation: number) => Promise<Dealt> | Dealt): Promise<T> {
    let step = machine.next();
    while (!step.done) {
      let result: unknown;
      try {
        result = await this.#perform(step.value, passcode, deal);
      } catch (error) {
        step = machine.throw(error);
        continue;
      }
      step = machine.next(result);
    }
    return step.value;
  }

  async #perform(
    effect: ClientEffect,
    passcode: string,
    deal: ((generation: number) => Promise<Dealt> | Dealt) | undefined,
  ): Promise<unknown> {
    switch (effect.kind) {
      case 'recall':
        return this.#memos.load(this.slot);
      case 'keep':
        return this.#memos.save(this.slot, effect.memo);
      case 'request':
        return this.#request(effect);
      case 'call':
        return this.#call(effect.call);
      case 'turn':
        this.via = (this.via + 1) % this.#at.size;
        return undefined;
      case 'deal':
        return deal?.(effect.generation);
      case 'blind':
        return blindInput(typed(passcode), systemRandom, effect.blind);
      case 'open':
        return openRegistration(this.#at.fleet, effect.registration, typed(passcode), effect.blind, effect.answers, tools);
    }
  }

  async #request({ kind: _, ...fields }: ClientEffect & { kind: 'request' }) {
    const nonce = systemRandom(32);
    const expiry = BigInt(Math.floor((Date.now() + this.#at.laterMs) / 1000) + 120);
    const bytes = encodeMessage('client/request', {
      ...fields,
      fleet: this.#at.fleet.id,
      signer: clientKeyId(this.#key.publicKey),
      nonce,
      expiry,
    });
    return { request: { bytes, signature: await this.#key.sign(bytes) }, nonce };
  }

  async #call(call: Call): Promise<Heard> {
    this.refused(call.op);
    const { clients } = this.#at.service(this.via);
    const { caller } = this;
    switch (call.op) {
      case 'status':
        return clients.status({ caller, request: call.request });
      case 'wait':
        return clients.wait({ caller, request: call.request });
      case 'register': {
        const { request, approval } = call;
        const registration = parseRegistration(call.registration, this.#at.fleet);
        return clients.register({ caller, request, registration, ...(approval && { approval }) });
      }
      case 'activate':
        return clients.activate(call.standing, this.place);
      case 'attempt':
        return clients.attempt({ caller, request: call.request, element: call.element, shown: call.shown });
      case 'confirm':
        return clients.confirm(call.confirmed, this.place);
      case 'cancel': {
        const { refused } = await clients.cancel(this.place, call.cancelled);
        return { said: [], refused };
      }
      case 'events': {
        const { told, refused } = await clients.events({ caller, request: call.request });
        const feeds = told.map(({ node, events: text }) => ({ node, text, events: parseEvents(text) }));
        return { said: told, refused, feeds };
      }
    }
  }
}
