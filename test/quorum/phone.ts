/** A client on the bench: its memo in memory, its calls carried to the members that are up, or answered by the test. */

import type { Id } from '../../src/base/bytes.ts';
import { isRefusal, type Reply } from '../../src/quorum/ask.ts';
import type { Call, Client, ClientEffect, ClientMachine, Heard, Memo } from '../../src/quorum/client/effects.ts';
import { parseRegistration } from '../../src/vault/registration.ts';
import { slotId } from '../../src/vault/slot.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { hash, type Signed } from '../../src/wire/signed.ts';
import type { Deal } from '../simulation/cryptography.ts';
import type { Bench, BenchMember } from './bench.ts';

export class Phone {
  readonly bench: Bench;
  readonly #deal: (generation: number) => Deal;
  up: readonly BenchMember[];
  memo: Memo = {};
  passcode = '135790';
  /** Answers in place of the members, where it gives something. */
  instead: (call: Call) => Heard | undefined = () => undefined;
  calls: Call[] = [];
  turns = 0;
  #blinds = 0;

  constructor(bench: Bench, deal: (generation: number) => Deal) {
    this.bench = bench;
    this.up = bench.members;
    this.#deal = deal;
  }

  get client(): Client {
    return { fleet: this.bench.fleet, place: this.#deal(1).registration.core.place, verify: this.bench.keys.verify };
  }

  drive<T>(machine: ClientMachine<T>): T {
    this.calls = [];
    this.turns = 0;
    let step = machine.next();
    while (!step.done) step = machine.next(this.#perform(step.value));
    return step.value;
  }

  sent<K extends Call['op']>(op: K): Extract<Call, { op: K }>[] {
    return this.calls.filter((call): call is Extract<Call, { op: K }> => call.op === op);
  }

  #perform(effect: ClientEffect): unknown {
    const { vault } = this.bench;
    switch (effect.kind) {
      case 'recall':
        return this.memo;
      case 'keep':
        this.memo = effect.memo;
        return undefined;
      case 'request': {
        const { operation, slot, generation, digest, attempt, body } = effect;
        const { core } = this.#deal(1).registration;
        const about = { slot, generation, digest, core } as Deal['registration'];
        const { request } = this.bench.request(operation, about, attempt, body);
        return { request, nonce: decodeMessage('client/request', request.bytes).nonce };
      }
      case 'call':
        this.calls.push(effect.call);
        return this.instead(effect.call) ?? this.carry(effect.call);
      case 'turn':
        this.turns += 1;
        return undefined;
      case 'deal': {
        const { registration, unlock, owner } = this.#deal(effect.generation);
        return { registration: registration.bytes, sign: unlock.sign, owner };
      }
      case 'blind': {
        this.#blinds += effect.blind === undefined ? 1 : 0;
        const blind = effect.blind ?? new Uint8Array(32).fill(this.#blinds);
        return { blind, element: vault.blind(this.passcode, blind) };
      }
      case 'open':
        return vault.open(effect.registration, vault.blind(this.passcode, effect.blind), effect.answers);
    }
  }

  /** As an honest coordinator does. */
  carry(call: Call): Heard {
    const caller = (request: Signed) => {
      const fields = decodeMessage('client/request', request.bytes);
      const { core } = this.#deal(1).registration;
      return { ...this.bench.request(fields.operation, { ...fields, core } as unknown as Deal['registration'], 0, fields.body), request };
    };
    const all = (ask: (member: BenchMember) => Reply, members = this.up): Heard => heard(members, ask);
    switch (call.op) {
      case 'status': {
        const record = this.up[0]?.records.get(slotId(this.client.place));
        const { standing, lock } = record ?? {};
        const said = all((member) => member.ask({ op: 'status', ...caller(call.request) }));
        return { ...said, ...(standing && { standing }), ...(lock && { lock }) };
      }
      case 'register': {
        const registration = parseRegistration(call.registration, this.bench.fleet);
        const { approval } = call;
        return all((member) => member.ask({ op: 'register-vote', ...caller(call.request), registration, ...(approval && { approval }) }));
      }
      case 'activate':
        return all((member) => member.ask({ op: 'activate', standing: call.standing }));
      case 'attempt': {
        const { element, shown } = call;
        const voted = all((member) => member.ask({ op: 'attempt-vote', ...caller(call.request), element, shown }));
        const votes = voted.said.slice(0, this.bench.fleet.quorum).map(({ signed }) => signed);
        if (votes.length < this.bench.fleet.quorum) return { ...voted, said: [] };
        return { ...all((member) => member.ask({ op: 'answer', ...caller(call.request), element, votes })), votes };
      }
      case 'confirm':
        return all((member) => member.ask({ op: 'confirm', confirmed: call.confirmed }));
      case 'wait':
        return all((member) => member.ask({ op: 'wait', ...caller(call.request) }));
      case 'cancel':
      case 'events':
        throw new Error(`the bench carries no ${call.op}`);
    }
  }
}

export function heard(members: readonly BenchMember[], ask: (member: BenchMember) => Reply): Heard {
  const replies = members.map((member) => ({ node: member.key.id, reply: ask(member) }));
  return {
    said: replies.flatMap(({ node, reply }) => (isRefusal(reply) ? [] : [{ node, signed: reply }])),
    refused: replies.flatMap(({ node, reply }) => (isRefusal(reply) ? [{ node, refusal: reply }] : [])),
  };
}

/** Under which element a guess was sent. */
export const elementOf = (call: Extract<Call, { op: 'attempt' }>): Id => hash(call.element);
