/** All members of the fleet as this one reaches them, itself included: who was heard when, and what they know of a slot. */
import { setTimeout } from 'node:timers/promises';
import type { Id } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { MemberPort, PeersPort } from '../web/ports.ts';
import type { Body } from './drive.ts';
import type { Floor } from './talk.ts';

/** How long the others may take to tell what they know of a slot, after the first did. */
const OTHERS_TELL_MS = 200;

export class Fellowship implements Floor {
  readonly clock: Clock;
  readonly others: readonly Id[];
  readonly #body: Body;
  readonly #peers: PeersPort;
  readonly #own: () => MemberPort;
  readonly #heardMs = new Map<Id, number>();
  /** Each is traced once, not at every call. */
  readonly #silent = new Set<Id>();

  constructor(body: Body, peers: PeersPort, own: () => MemberPort) {
    this.clock = body.clock;
    this.others = body.fleet.nodes.map((node) => node.id).filter((node) => node !== body.self);
    this.#body = body;
    this.#peers = peers;
    this.#own = own;
  }

  at(node: Id, signal: AbortSignal): MemberPort {
    return node === this.#body.self ? this.#own() : this.#peers.at(node, signal);
  }

  seen(node: Id): Promise<bigint> {
    return this.#body.store.seen(node);
  }

  heard(node: Id): void {
    this.#heardMs.set(node, this.clock());
    this.#silent.delete(node);
  }

  heardMs(node: Id): number | undefined {
    return this.#heardMs.get(node);
  }

  unreachable(node: Id, error: unknown): void {
    if (this.#silent.has(node)) return;
    this.#silent.add(node);
    this.#body.trace('peer-unreachable', { node, why: error instanceof Error ? error.message : 'unknown' });
  }

  async bringUp(node: Id, slot: Id, signal: AbortSignal): Promise<void> {
    if (node === this.#body.self) {
      const calls = this.others.map((other) => this.#learnFrom(other, slot, signal));
      // Somebody waits: once one has told, a member that hangs must not hold up the rest.
      const first = Promise.any(calls.map(async (call) => (await call) || Promise.reject(new Error('silent'))));
      await Promise.race([Promise.all(calls), first.then(() => setTimeout(OTHERS_TELL_MS)).catch(() => undefined)]);
      return;
    }
    const proof = await this.#own().proofOf(slot);
    if (proof !== undefined) await this.at(node, signal).teach(proof);
  }

  async learn(slot: Id, signal: AbortSignal): Promise<number> {
    const told = await Promise.all(this.others.map((node) => this.#learnFrom(node, slot, signal)));
    return told.filter(Boolean).length;
  }

  async #learnFrom(node: Id, slot: Id, signal: AbortSignal): Promise<boolean> {
    try {
      const proof = await this.at(node, signal).proofOf(slot);
      this.heard(node);
      if (proof !== undefined) await this.#own().teach(proof);
      return true;
    } catch (error) {
      // What it told does not verify: then it told nothing.
      if (error instanceof HoldfastError) this.#body.trace('proof-refused', { peer: node, slot, code: error.code, why: error.message });
      else this.unreachable(node, error);
      return false;
    }
  }
}
