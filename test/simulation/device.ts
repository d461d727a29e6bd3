/**
 * A device with a login: runs the client's machines, one at a time, with a memo that survives when the device is switched
 * off in the middle of one.
 */
import type { Id } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Caller } from '../../src/quorum/ask.ts';
import type { Call, Client, ClientEffect, ClientMachine, Heard, Memo } from '../../src/quorum/client/effects.ts';
import { type Place, slotId } from '../../src/vault/slot.ts';
import type { Signed } from '../../src/wire/signed.ts';
import { signMessage } from '../../src/wire/signed.ts';
import type { Deal, SigningKey } from './cryptography.ts';
import type { Simulation } from './simulation.ts';

const CALL_LIMIT_MS = 6000;
const REQUEST_SECONDS = 120;

/** What a person brings to one operation. */
export interface Intent {
  readonly passcode: string;
  /** What to deal if something is dealt. */
  readonly tombstone: boolean;
  readonly authorised: boolean;
}

export type Outcome<T> = { readonly result: T } | { readonly failed: 'switched off' | HoldfastError };

export class Device {
  readonly name: string;
  readonly place: Place;
  readonly key: SigningKey;
  readonly owner: string;
  /** Durable, per slot. */
  memo: Memo = {};
  readonly #simulation: Simulation;
  #through: number;
  busy = false;

  constructor(simulation: Simulation, owner: string, name: string, place: Place) {
    this.#simulation = simulation;
    this.owner = owner;
    this.name = name;
    this.place = place;
    this.key = simulation.keys.make(`client ${name}`);
    this.#through = simulation.world.chance.below(simulation.nodes.length);
  }

  get caller(): Caller {
    return { place: this.place, clientKey: this.key.publicKey, clientKeyId: this.key.id, pass: new Secret('pass') };
  }

  get client(): Client {
    return {
      fleet: this.#simulation.machines.fleetOfClients(this.#simulation.fleet),
      place: this.place,
      verify: this.#simulation.keys.verify,
    };
  }

  /** Runs a machine of the client to its end, or until the device is switched off. */
  run<T>(machine: ClientMachine<T>, intent: Intent, done: (outcome: Outcome<T>) => void): void {
    this.busy = true;
    const finish = (outcome: Outcome<T>) => {
      this.busy = false;
      done(outcome);
    };
    const go = (input: unknown): void => {
      try {
        let step = machine.next(input);
        while (!step.done) {
          if (this.#simulation.faults.killsDeviceNow()) {
            const at = step.value.kind;
            this.#simulation.story.count(`device switched off before ${at}`);
            this.#simulation.story.tell(this.name, () => `is switched off before ${at}`);
            return finish({ failed: 'switched off' });
          }
          if (step.value.kind === 'call') return this.#call(step.value.call, go);
          step = machine.next(this.#perform(step.value, intent));
        }
        finish({ result: step.value });
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code === 'alarm') throw error;
        finish({ failed: error });
      }
    };
    go(undefined);
  }

  sign(fields: Omit<ClientEffect & { kind: 'request' }, 'kind'>): { request: Signed; nonce: Uint8Array } {
    const { world, fleet } = this.#simulation;
    const nonce = world.chance.bytes(32);
    const expiry = BigInt(Math.floor(world.now / 1000) + REQUEST_SECONDS);
    const request = signMessage('client/request', { ...fields, fleet: fleet.id, signer: this.key.id, nonce, expiry }, this.key.sign);
    if (fields.operation === 'attempt') this.#simulation.asked(fields.digest, fields.attempt);
    return { request, nonce };
  }

  #perform(effect: Exclude<ClientEffect, { kind: 'call' }>, intent: Intent): unknown {
    const { vault, world, story, checks } = this.#simulation;
    switch (effect.kind) {
      case 'recall':
        return this.memo;
      case 'keep':
        this.memo = effect.memo;
        return undefined;
      case 'request': {
        const { kind: _, ...fields } = effect;
        return this.sign(fields);
      }
      case 'turn':
        this.#through = (this.#through + 1) % this.#simulation.nodes.length;
        return undefined;
      case 'deal': {
        const deal = this.#deal(effect.generation, intent);
        const owner = intent.authorised ? { owner: deal.owner } : {};
        return { registration: deal.registration.bytes, sign: deal.unlock.sign, ...owner };
      }
      case 'blind': {
        const blind = effect.blind ?? world.chance.bytes(32);
        return { blind, element: vault.blind(intent.passcode, blind) };
      }
      case 'open': {
        const element = vault.blind(intent.passcode, effect.blind);
        const opening = vault.open(effect.registration, element, effect.answers);
        if (opening.opened !== undefined && this.memo.attempt !== undefined) {
          checks.succeeded(effect.registration.digest, this.memo.attempt.attempt);
        }
        const verdict = opening.opened ? 'right' : opening.sure ? 'wrong' : 'not to be told yet';
        story.tell(this.name, () => `${effect.answers.length} answers: the passcode is ${verdict}`);
        return opening;
      }
    }
  }

  #deal(generation: number, intent: Intent): Deal {
    const { vault, story, policy } = this.#simulation;
    const deal = vault.deal({ by: this.owner, device: this.name, place: this.place, generation, policy, ...intent });
    story.tell(this.name, () => `deals ${deal.name} as generation ${generation}${deal.tombstone ? ', a tombstone' : ''}`);
    this.#simulation.dealt(deal);
    return deal;
  }

  /** Through one node; when it does not answer, through the next one until all were tried. */
  #call(call: Call, go: (heard: Heard) => void, tried = 0): void {
    const { network, world, nodes } = this.#simulation;
    const to = nodes[this.#through] as (typeof nodes)[0];
    let over = false;
    const end = (heard: Heard | undefined) => {
      if (over) return;
      over = true;
      if (heard !== undefined) return go(heard);
      this.#through = (this.#through + 1) % nodes.length;
      if (tried + 1 < nodes.length) this.#call(call, go, tried + 1);
      else go({ said: [], refused: [] });
    };
    network.send(undefined, to, { kind: 'call', call, caller: this.caller }, end);
    world.after(CALL_LIMIT_MS, () => end(undefined));
  }

  /** The registration of this device that has just been acknowledged under this generation. */
  finished(generation: number): Id[] {
    const deal = this.#simulation.deals.findLast((one) => one.device === this.name && one.registration.generation === generation);
    return deal === undefined ? [] : [deal.registration.digest];
  }

  get slot(): Id {
    return slotId(this.place);
  }
}
