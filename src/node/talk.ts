/**
 * Drives a coordinator's conversation (quorum/coordinator) over the network. What a member refuses with an error is its
 * refusal; a member that cannot be reached says nothing. Soon after the conversation ends, nothing of it goes on.
 */
import type { Id } from '../base/bytes.ts';
import { assert, HoldfastError } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { type Ask, type Reply, refuse } from '../quorum/ask.ts';
import type { Arrival, Talk, TalkEffect } from '../quorum/coordinator/conversation.ts';
import type { Question } from '../quorum/member/member.ts';
import type { MemberPort } from '../web/ports.ts';

export interface Floor {
  readonly clock: Clock;
  /** Any member, this one included. */
  at(node: Id, signal: AbortSignal): MemberPort;
  seen(node: Id): Promise<bigint>;
  /** Brings a member that is behind up to date with the slot, as far as this one can. */
  bringUp(node: Id, slot: Id, signal: AbortSignal): Promise<void>;
  /** Learns what the others know of the slot. @returns how many of them told it */
  learn(slot: Id, signal: AbortSignal): Promise<number>;
  heard(node: Id): void;
  /** With the error, when it is neither an answer nor a refusal. */
  unreachable(node: Id, error: unknown): void;
}

/**
 * How long a call goes on that nobody waits for any more. To break it off would close its connection to the peer, and the
 * next call would pay for a TLS handshake with both tokens.
 */
const LATE_MS = 1_000;

/** @param stop ends the conversation early: whoever has not answered then is silent */
export async function converse<T>(floor: Floor, talk: Talk<T>, stop: AbortSignal): Promise<T> {
  const conversation = new Conversation(floor, stop);
  try {
    let step = talk.next();
    while (!step.done) step = talk.next(await conversation.perform(step.value));
    return step.value;
  } finally {
    conversation.end();
  }
}

/** One for all: an error made anew for each conversation costs as much as a message. */
const ENDED = new Error('the conversation is over');

class Conversation {
  readonly #floor: Floor;
  readonly #stop: AbortSignal;
  readonly #ended = new AbortController();
  readonly #arrivals: Arrival[] = [];
  /** Of each member, the number of the latest ask. */
  readonly #latest = new Map<Id, number>();
  #open = 0;
  #over = false;
  #wake: (() => void) | undefined;

  constructor(floor: Floor, stop: AbortSignal) {
    this.#floor = floor;
    this.#stop = stop;
    if (stop.aborted) this.#abort();
    // Not AbortSignal.any: what outlives each of a million conversations must not remember them.
    stop.addEventListener('abort', this.#abort);
  }

  end(): void {
    this.#over = true;
    if (this.#open === 0) this.#abort();
    else setTimeout(this.#abort, LATE_MS).unref();
  }

  readonly #abort = (): void => {
    this.#stop.removeEventListener('abort', this.#abort);
    this.#ended.abort(ENDED);
    this.#wake?.();
  };

  async perform(effect: TalkEffect): Promise<unknown> {
    switch (effect.kind) {
      case 'ask':
        void this.#ask(effect.to, effect.ask);
        return;
      case 'teach':
        void this.#ask(effect.to, effect.ask, effect.slot);
        return;
      case 'next':
        return this.#next(effect.untilMs);
      case 'learn': {
        const inTime = AbortSignal.timeout(Math.max(0, effect.untilMs - this.#floor.clock()));
        return this.#floor.learn(effect.slot, AbortSignal.any([this.#ended.signal, inTime]));
      }
      case 'seen':
        return this.#floor.seen(effect.node);
    }
  }

  async #ask(to: Id, ask: Ask, behindIn?: Id): Promise<void> {
    assert(ask.op !== 'cancel', 'an objection is not put to the members by a conversation');
    const turn = (this.#latest.get(to) ?? 0) + 1;
    this.#latest.set(to, turn);
    this.#open += 1;
    const reply = await this.#reply(to, ask, behindIn);
    this.#open -= 1;
    // A later question replaces the earlier: a late vote must not be taken for the answer that was asked for since.
    if (this.#over || this.#latest.get(to) !== turn) return;
    this.#arrivals.push({ from: to, reply });
    this.#wake?.();
  }

  async #reply(to: Id, ask: Question, behindIn: Id | undefined): Promise<Reply | undefined> {
    try {
      if (behindIn !== undefined) await this.#floor.bringUp(to, behindIn, this.#ended.signal);
      const reply = await this.#floor.at(to, this.#ended.signal).ask(ask);
      this.#floor.heard(to);
      return reply;
    } catch (error) {
      if (error instanceof HoldfastError) return refuse(error.code, error.message, error.evidence);
      if (!this.#ended.signal.aborted) this.#floor.unreachable(to, error);
      return undefined;
    }
  }

  async #next(untilMs: number): Promise<{ arrival: Arrival | undefined; now: number }> {
    const { clock } = this.#floor;
    if (this.#arrivals.length === 0) await this.#sleep(untilMs - clock());
    return { arrival: this.#arrivals.shift(), now: clock() };
  }

  /** Until something arrives, the time is up, or all is ended. */
  #sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#ended.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
