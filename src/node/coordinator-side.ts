/**
 * What clients ask of this node as the carrier of their messages. It decides nothing: it asks all members, this one
 * included, and hands on what they said; the client counts and verifies.
 */
import type { Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { type Authorised, isRefusal, type Refusal, refuse } from '../quorum/ask.ts';
import { type AttemptOutcome, coordinateAttempt } from '../quorum/coordinator/attempt.ts';
import { coordinateConfirm } from '../quorum/coordinator/confirm.ts';
import { type Gathered, gather, type Patience } from '../quorum/coordinator/conversation.ts';
import { answerTo, type Counted, eventsTo } from '../quorum/coordinator/expected.ts';
import { coordinateStatus } from '../quorum/coordinator/status.ts';
import type { Question } from '../quorum/member/member.ts';
import { registrationOf } from '../quorum/member/standing.ts';
import { readOfNode } from '../quorum/quorum-certificate.ts';
import type { Cancelled, Confirmed, Standing } from '../quorum/record.ts';
import { parseRegistration } from '../vault/registration.ts';
import { type Place, slotId } from '../vault/slot.ts';
import type { CancelOutcome, CoordinatorPort, EventsOutcome, MemberPort, StatusOutcome } from '../web/ports.ts';
import { decodeMessage } from '../wire/message.ts';
import type { Signed } from '../wire/signed.ts';
import type { Body, Driver } from './drive.ts';
import { converse, type Floor } from './talk.ts';

export interface CoordinatorLimits {
  /** One whole conversation. */
  readonly limitMs: number;
  /** How long to wait for the others once enough have answered a question. */
  readonly answerLingerMs: number;
  /** The same for what every member should take in: a registration, an activation, a confirmation. */
  readonly recordLingerMs: number;
}

export class CoordinatorSide implements CoordinatorPort {
  readonly #body: Body;
  readonly #driver: Driver;
  readonly #floor: Floor;
  readonly #limits: CoordinatorLimits;
  readonly #stop: AbortSignal;
  readonly #members: readonly Id[];

  constructor(body: Body, driver: Driver, floor: Floor, limits: CoordinatorLimits, stop: AbortSignal) {
    this.#body = body;
    this.#driver = driver;
    this.#floor = floor;
    this.#limits = limits;
    this.#stop = stop;
    this.#members = body.fleet.nodes.map((node) => node.id);
  }

  async status(ask: Authorised): Promise<StatusOutcome> {
    const slot = slotId(ask.caller.place);
    const { fleet, verify } = this.#body;
    const talk = coordinateStatus(fleet, verify, ask, await this.#driver.load(slot), this.#patience(this.#limits.answerLingerMs));
    const gathered = await converse(this.#floor, talk, this.#stop);
    let record = await this.#driver.load(slot);
    const own = this.#generation(record?.standing);
    // The client may hear of a generation that this node missed, and needs its registration to go on.
    if (gathered.said.some(({ signed }) => this.#saysLater(signed, own))) {
      await this.#floor.bringUp(this.#body.self, slot, this.#signal());
      record = await this.#driver.load(slot);
    }
    const { standing, lock } = record ?? {};
    return { ...gathered, ...(standing && { standing }), ...(lock && { lock }) };
  }

  register(ask: Omit<Question & { op: 'register-vote' }, 'op'>): Promise<Gathered> {
    return this.#gather({ ...ask, op: 'register-vote' }, slotId(ask.caller.place), this.#limits.recordLingerMs);
  }

  async activate(standing: Standing, place: Place): Promise<Gathered> {
    mustBeOf(place, parseRegistration(standing.registration, this.#body.fleet).slot);
    return this.#gather({ op: 'activate', standing }, undefined, this.#limits.recordLingerMs);
  }

  attempt(ask: Omit<Question & { op: 'attempt-vote' }, 'op'>): Promise<AttemptOutcome> {
    const { fleet, verify } = this.#body;
    const talk = coordinateAttempt(fleet, verify, { ...ask, op: 'attempt-vote' }, this.#patience(this.#limits.answerLingerMs));
    return converse(this.#floor, talk, this.#stop);
  }

  async confirm(confirmed: Confirmed, place: Place): Promise<Gathered> {
    const { slot } = decodeMessage('unlock/confirm', confirmed.confirm.bytes);
    mustBeOf(place, slot);
    const { fleet, verify } = this.#body;
    const talk = coordinateConfirm(fleet, verify, confirmed, this.#patience(this.#limits.recordLingerMs));
    return converse(this.#floor, talk, this.#stop);
  }

  async cancel(place: Place, cancelled: Cancelled): Promise<CancelOutcome> {
    // No statement says that an objection was taken: a client that wants to be sure asks for the events (client/cancel.ts).
    const { done, refused } = await this.#everyone(
      (member) => member.cancel(place, cancelled),
      () => true,
    );
    return { stands: done.map(({ node }) => node), refused };
  }

  async events(ask: Authorised): Promise<EventsOutcome> {
    const { fleet, verify } = this.#body;
    const { done, refused } = await this.#everyone((member) => member.events(ask), eventsTo(ask, fleet, verify));
    return { told: done.map(({ node, outcome }) => ({ node, ...outcome })), refused };
  }

  wait(ask: Authorised): Promise<Gathered> {
    return this.#gather({ ...ask, op: 'wait' }, undefined, this.#limits.answerLingerMs);
  }

  #gather(ask: Counted, slot: Id | undefined, lingerMs: number): Promise<Gathered> {
    const { fleet, verify } = this.#body;
    const expected = { enough: fleet.quorum, counts: answerTo(ask, fleet, verify), slot };
    return converse(this.#floor, gather(this.#members, ask, this.#patience(lingerMs), expected), this.#stop);
  }

  #patience(lingerMs: number): Patience {
    return { startMs: this.#body.clock(), lingerMs, limitMs: this.#limits.limitMs };
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#stop, AbortSignal.timeout(this.#limits.limitMs)]);
  }

  /**
   * For what is not answered by one signed statement alone. Left out is who cannot be reached, and who is later than a quorum by more than
   * the others are given: one that hangs must not hold up the person. Its call goes on, so that its connection is not closed over it.
   */
  async #everyone<T extends object | true>(
    ask: (member: MemberPort) => Promise<T | Refusal>,
    counts: (outcome: T, from: Id) => boolean,
  ): Promise<{ done: { node: Id; outcome: T }[]; refused: { node: Id; refusal: Refusal }[] }> {
    const signal = this.#signal();
    const done: { node: Id; outcome: T }[] = [];
    const refused: { node: Id; refusal: Refusal }[] = [];
    const enough = Promise.withResolvers<void>();
    let counted = 0;
    const one = async (node: Id): Promise<void> => {
      try {
        const outcome = await ask(this.#floor.at(node, signal));
        this.#floor.heard(node);
        if (outcome !== true && isRefusal(outcome)) {
          refused.push({ node, refusal: outcome });
          return;
        }
        done.push({ node, outcome: outcome as T });
        if (counts(outcome as T, node)) counted += 1;
        if (counted === this.#body.fleet.quorum) setTimeout(enough.resolve, this.#limits.recordLingerMs).unref();
      } catch (error) {
        if (error instanceof HoldfastError) refused.push({ node, refusal: refuse(error.code, error.message, error.evidence) });
        else this.#floor.unreachable(node, error);
      }
    };
    await Promise.race([Promise.all(this.#members.map(one)), enough.promise]);
    return { done: [...done], refused: [...refused] };
  }

  /** False for what no member signed: one that talks nonsense must not keep a client from hearing the others. */
  #saysLater(signed: Signed, own: number): boolean {
    const { fleet, verify } = this.#body;
    try {
      const { generation } = decodeMessage('node/status', signed.bytes);
      return generation > own && readOfNode('node/status', signed, fleet, verify).generation === generation;
    } catch (error) {
      if (error instanceof HoldfastError) return false;
      throw error;
    }
  }

  #generation(standing: Standing | undefined): number {
    return standing === undefined ? 0 : registrationOf(standing, this.#body.fleet).generation;
  }
}

/**
 * What proves itself is true whoever brings it, but to carry it costs every node a verification: a login carries its own only.
 * (Attack: one login, and other people's statements sent through every node again and again.) @throws `pass-refused`
 */
function mustBeOf(place: Place, slot: Id): void {
  if (slotId(place) !== slot) fail('pass-refused', 'the pass is for another account or way in');
}
