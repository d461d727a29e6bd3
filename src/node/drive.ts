/**
 * Drives a member's machines (quorum/member) with a real token, store and clock. The machines decide; nothing here does,
 * except what may be believed of the disk: a registration in force is taken from it only with its proof.
 */
import type { Id } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { type Fleet, nodeOf, shareIndex } from '../fleet/fleet.ts';
import { isProven } from '../oprf/checked.ts';
import type { Member } from '../quorum/ask.ts';
import { type Counters, exhausted } from '../quorum/counters.ts';
import type { Effect, EffectKind, Machine, ResultOf, View, VotingStanding } from '../quorum/effects.ts';
import { readStanding } from '../quorum/member/standing.ts';
import type { SlotRecord, Standing } from '../quorum/record.ts';
import type { Store } from '../store/store.ts';
import type { CounterBank, Token } from '../token/index.ts';
import { coreOf, type Registration, shareContext } from '../vault/registration.ts';
import type { Verify } from '../wire/signed.ts';
import { LastCounted } from './last-counted.ts';
import { SlotLocks } from './slot-locks.ts';
import type { Trace } from './trace.ts';

/** What a member is made of. */
export interface Body {
  readonly fleet: Fleet;
  readonly self: Id;
  readonly token: Pick<Token, 'sign' | 'open' | 'evaluate'> & { readonly counters: CounterBank };
  readonly store: Store;
  readonly clock: Clock;
  readonly verify: Verify;
  readonly trace: Trace;
  /**
   * How long after the last guess a lock is sought. That guess may have been right, and its confirmation must have time to
   * arrive: a slow phone spends seconds in Argon2id, and then perhaps has no network.
   */
  readonly lockDelayMs: number;
  /** `Member.coolingOff`. */
  readonly coolingOff: Member['coolingOff'];
  /** `Member.guessDelaysMs`. */
  readonly guessDelaysMs: readonly number[];
  /** Milliseconds on a clock that nobody sets; by default that of this process. */
  readonly monotonicMs?: () => number;
}

/** Of an account, in one answer: fits its bound with room (api/bodies.ts). */
const EVENTS_TOLD = 200;

/** What one machine has seen of its slots. */
type Seen = Map<Id, Counters>;

export class Driver {
  readonly locks = new SlotLocks();
  /** Whether this member votes: tasks/rejoin.ts decides. */
  standing: VotingStanding = 'none';
  /** Enough others have told what they remember since this process began: tasks/rejoin.ts decides. */
  merged = false;
  readonly #body: Body;
  readonly #index: number;
  /** Known to be proven: the store hands out the same one as long as the row is the same, and an operation reads it several times. */
  readonly #proven = new WeakMap<Standing, Registration>();
  readonly #onDue: (dueMs: number) => void;
  readonly #counted: LastCounted;

  /** @param onDue told when a slot that was saved wants attention at that time */
  constructor(body: Body, onDue: (dueMs: number) => void) {
    this.#body = body;
    this.#index = shareIndex(body.fleet, body.self);
    this.#onDue = onDue;
    this.#counted = new LastCounted(Math.max(body.lockDelayMs, ...body.guessDelaysMs), body.monotonicMs);
  }

  /**
   * Runs one machine while it alone has the slots.
   * @param slots all that the machine loads to change them
   */
  run<T>(slots: readonly Id[], start: (member: Member) => Machine<T>): Promise<T> {
    const { fleet, self, verify, clock, guessDelaysMs, coolingOff, lockDelayMs } = this.#body;
    return this.locks.hold(slots, async () => {
      const machine = start({ fleet, self, verify, isProven, now: clock(), guessDelaysMs, coolingOff, lockDelayMs });
      const seen: Seen = new Map();
      let step = machine.next();
      while (!step.done) {
        let result: unknown;
        try {
          result = await this.#perform(step.value, seen);
        } catch (error) {
          step = machine.throw(error);
          continue;
        }
        step = machine.next(result);
      }
      return step.value;
    });
  }

  /** What is stored of a slot, less what does not prove itself. */
  async load(slot: Id): Promise<SlotRecord | undefined> {
    const record = await this.#body.store.load(slot);
    if (record?.standing === undefined || this.#registration(slot, record.standing) !== undefined) return record;
    const { standing: _, ...rest } = record;
    return rest;
  }

  async #perform(effect: Effect, seen: Seen): Promise<ResultOf<EffectKind>> {
    const { token, store } = this.#body;
    switch (effect.kind) {
      case 'load':
        return this.#view(effect.slot, seen);
      case 'commit': {
        const sequence = await token.counters.commit(effect.slot, effect.counters);
        this.#counted.note(effect.slot, seen.get(effect.slot), effect.counters);
        seen.set(effect.slot, effect.counters);
        return sequence;
      }
      case 'save':
        await this.#save(effect, seen);
        return undefined;
      case 'open':
        return this.#open(effect.registration);
      case 'evaluate':
        return this.#evaluate(effect.registration, effect.element);
      case 'sign':
        return token.sign(effect.bytes);
      case 'events':
        return store.events(effect.account, EVENTS_TOLD);
      case 'seen':
        return store.seen(effect.node);
      case 'saw':
        await store.saw(effect.evidence);
        return undefined;
      case 'memory':
        return store.memory();
    }
  }

  async #view(slot: Id, seen: Seen): Promise<View> {
    const { counters: bank } = this.#body.token;
    const [counters, record] = await Promise.all([bank.read(slot), this.load(slot)]);
    seen.set(slot, counters);
    const sinceCountedMs = this.#counted.sinceMs(slot);
    return { counters, record, sequence: bank.sequence, standing: this.standing, sinceCountedMs, hasRoom: bank.hasRoom };
  }

  async #save({ slot, record, event }: Effect & { kind: 'save' }, seen: Seen): Promise<void> {
    const { store, clock } = this.#body;
    const { account } = record.place;
    const dueMs = this.#dueMs(slot, record, seen.get(slot));
    await store.save(slot, record, {
      ...(event && { event: { ...event, account, slot, time: clock() } }),
      ...(dueMs !== undefined && { dueMs }),
    });
    if (dueMs !== undefined) this.#onDue(dueMs);
  }

  /** When the tasks must look at the slot: to lock it, or to erase its shares. Depends on counts only, never on who was right. */
  #dueMs(slot: Id, { standing, lock, lockSince, erased }: SlotRecord, counters: Counters | undefined): number | undefined {
    const registration = standing && this.#registration(slot, standing);
    if (registration === undefined || erased || registration.generation !== counters?.active) return undefined;
    const { guesses, graceSeconds } = registration.core.policy;
    if (lock !== undefined && lockSince !== undefined) return lockSince + graceSeconds * 1000;
    return exhausted(counters, guesses) ? this.#body.clock() + this.#body.lockDelayMs : undefined;
  }

  async #open(registration: Registration): Promise<boolean> {
    const share = registration.shares[this.#index - 1];
    const publicShare = registration.core.publicShares[this.#index - 1];
    if (share === undefined || publicShare === undefined || 'hash' in share) return false;
    try {
      return await this.#body.token.open(share, this.#context(registration, share.ephemeralKey), publicShare);
    } catch (error) {
      // What is not even a point opens no share. Certified by others it is in force all the same, without this member's share.
      if (error instanceof HoldfastError && (error.code === 'malformed' || error.code === 'share-refused')) return false;
      throw error;
    }
  }

  async #evaluate(registration: Registration, element: Uint8Array): Promise<Uint8Array> {
    const share = registration.shares[this.#index - 1];
    if (share === undefined || 'hash' in share) {
      throw new HoldfastError('share-refused', "this member's share of the registration is gone");
    }
    return this.#body.token.evaluate(share, this.#context(registration, share.ephemeralKey), element);
  }

  #context(registration: Registration, ephemeralKey: Uint8Array): Uint8Array {
    const { fleet, self } = this.#body;
    const node = nodeOf(fleet, self);
    if (node === undefined) throw new Error('bug: this node is of its fleet');
    return shareContext(fleet, node, ephemeralKey, coreOf(registration));
  }

  /**
   * The registration, if a quorum voted for it, its depositor activated it, and it is of this slot. Whoever writes to this
   * disk could else put his own unlock key in force, confirm wrong guesses with it, and put the old row back.
   */
  #registration(slot: Id, standing: Standing): Registration | undefined {
    const { trace } = this.#body;
    try {
      const registration = this.#proven.get(standing) ?? readStanding(this.#body, standing);
      if (registration.slot !== slot) throw new HoldfastError('malformed', 'the stored registration is of another slot');
      this.#proven.set(standing, registration);
      return registration;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      trace('store-not-believed', { slot, code: error.code, why: error.message });
      return undefined;
    }
  }
}
