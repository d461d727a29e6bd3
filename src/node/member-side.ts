/** What other members, and coordinators, ask of this one: each ask becomes a machine on the slots that it concerns. */
import type { Id } from '../base/bytes.ts';
import { type Authorised, isRefusal, type Refusal, type Reply, refuse } from '../quorum/ask.ts';
import { exhausted } from '../quorum/counters.ts';
import { placesOf } from '../quorum/member/authority.ts';
import { cancel } from '../quorum/member/cancel.ts';
import { type EventsReply, tellEvents } from '../quorum/member/events.ts';
import { learn } from '../quorum/member/learn.ts';
import { type Question, reply } from '../quorum/member/member.ts';
import { registrationOf } from '../quorum/member/standing.ts';
import type { Cancelled, ChangePage, Proof, Standing } from '../quorum/record.ts';
import { proofOf } from '../store/row.ts';
import { type Place, slotId } from '../vault/slot.ts';
import type { InventoryPage, MemberPort } from '../web/ports.ts';
import { decodeMessage, type Message } from '../wire/message.ts';
import type { Body, Driver } from './drive.ts';
import { news, slotsOf } from './news.ts';
import { holdingOf } from './shares.ts';

export class MemberSide implements MemberPort {
  readonly #body: Body;
  readonly #driver: Driver;
  readonly #askOthers: (slot: Id) => Promise<number>;
  readonly #greeted: (hello: Message<'node/hello'>) => void;

  /**
   * @param askOthers learns what the other members know of a slot; how many told it
   * @param greeted told what another member said at its start
   */
  constructor(body: Body, driver: Driver, askOthers: (slot: Id) => Promise<number>, greeted: (hello: Message<'node/hello'>) => void) {
    this.#body = body;
    this.#driver = driver;
    this.#askOthers = askOthers;
    this.#greeted = greeted;
  }

  async ask(ask: Question): Promise<Reply> {
    const heard = ask.op === 'lock' ? await this.#beforeLock(slotId(ask.place)) : 0;
    const { sequence } = this.#body.token.counters;
    const self = { sequence, standing: this.#driver.standing, heard, merged: this.#driver.merged };
    const said = await this.#driver.run(this.#slotsOf(ask), (member) => reply(member, ask, self));
    if (ask.op === 'hello' && !isRefusal(said)) this.#greeted(decodeMessage('node/hello', ask.hello.bytes));
    return said;
  }

  async cancel(place: Place, cancelled: Cancelled): Promise<true | Refusal> {
    const slots = [slotId(place), slotId(cancelled.by)];
    const outcome = await this.#driver.run(slots, (member) => cancel(member, place, cancelled));
    return outcome === false ? refuse('not-found', 'there is nothing to object to') : outcome;
  }

  events(ask: Authorised): Promise<EventsReply> {
    return this.#driver.run([], (member) => tellEvents(member, ask));
  }

  async teach(proof: Proof): Promise<void> {
    const [slot] = slotsOf(proof, this.#slotOf);
    if (slot === undefined) return;
    const unknown = news((await this.#driver.load(slot)) ?? {}, proof);
    if (unknown !== undefined) await this.#driver.run(slotsOf(unknown, this.#slotOf), (member) => learn(member, unknown));
  }

  async proofOf(slot: Id): Promise<Proof | undefined> {
    const record = await this.#driver.load(slot);
    return record && proofOf(record);
  }

  changes(after: number, limit: number): Promise<ChangePage> {
    return this.#body.store.changesAfter(after, limit);
  }

  async inventory(after: Id | undefined, limit: number): Promise<InventoryPage> {
    const { records, ...rest } = await this.#body.store.recordsAfter(after, limit);
    return { holdings: records.flatMap(({ slot, record }) => holdingOf(slot, record, this.#body.fleet, this.#body.self) ?? []), ...rest };
  }

  readonly #slotOf = (standing: Standing): Id => registrationOf(standing, this.#body.fleet).slot;

  #slotsOf(ask: Question): readonly Id[] {
    switch (ask.op) {
      case 'activate':
        return [this.#slotOf(ask.standing)];
      case 'confirm':
        return [decodeMessage('unlock/confirm', ask.confirmed.confirm.bytes).slot];
      case 'lock':
        return [slotId(ask.place)];
      case 'hello':
        return [];
      case 'register-vote':
        return placesOf(ask.caller.place).map(slotId);
      default:
        return [slotId(ask.caller.place)];
    }
  }

  /**
   * A lock statement ends the acceptance of confirmations, so this member first hears whether another one has a success that
   * it missed. Asked for by peers only, and worth the calls only when the guesses are used up here.
   */
  async #beforeLock(slot: Id): Promise<number> {
    const counters = await this.#body.token.counters.read(slot);
    const record = await this.#driver.load(slot);
    if (record?.standing === undefined || record.lock !== undefined) return 0;
    const { guesses } = registrationOf(record.standing, this.#body.fleet).core.policy;
    return exhausted(counters, guesses) ? this.#askOthers(slot) : 0;
  }
}
