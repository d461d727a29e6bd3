/**
 * Members on a bench: each with a token and a store in memory, driven effect by effect, without network, time or faults. For
 * rules that one ask shows; what only schedules show is for test/simulation.
 */
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { type Fleet, makeFleet } from '../../src/fleet/fleet.ts';
import { type Ask, isRefusal, type Member, type Reply } from '../../src/quorum/ask.ts';
import { type Counters, NEW_COUNTERS } from '../../src/quorum/counters.ts';
import type { Effect, Machine, VotingStanding } from '../../src/quorum/effects.ts';
import { learn } from '../../src/quorum/member/learn.ts';
import { reply } from '../../src/quorum/member/member.ts';
import type { Cancelled, Proof, SlotRecord, Standing } from '../../src/quorum/record.ts';
import { accountId, PASSCODE, type Place, type WayIn } from '../../src/vault/slot.ts';
import type { Message, Operation } from '../../src/wire/message.ts';
import { hash, type Signed, signMessage } from '../../src/wire/signed.ts';
import { type Deal, Keys, type SigningKey, Vault } from '../simulation/cryptography.ts';

type Question = Exclude<Ask, { op: 'cancel' }>;

const PLACE: Place = { tenant: 'tenant', account: accountId('bench', 'issuer', 'ada'), way: PASSCODE };
const NOW_MS = 1_800_000_000_000;
/** An element of these bytes is not proven. */
export const BAD = 0xbd;

export class BenchMember {
  readonly bench: Bench;
  readonly key: SigningKey;
  readonly position: number;
  counters = new Map<Id, Counters>();
  records = new Map<Id, SlotRecord>();
  seen = new Map<Id, bigint>();
  memory = new Map<Id, Signed>();
  merged = true;
  sequence = 1n << 32n;
  standing: VotingStanding = 'full';
  /** As long ago as the test says. */
  sinceCountedMs = 0;
  /** Kinds of effects since the last ask, in order. */
  did: Effect['kind'][] = [];

  constructor(bench: Bench, key: SigningKey, position: number) {
    this.bench = bench;
    this.key = key;
    this.position = position;
  }

  get member(): Member {
    const { fleet, keys, guessDelaysMs, coolingOff, lockDelayMs } = this.bench;
    const isProven = ([first]: Uint8Array) => first !== BAD;
    return { fleet, self: this.key.id, verify: keys.verify, isProven, now: NOW_MS, guessDelaysMs, coolingOff, lockDelayMs };
  }

  ask(ask: Question, heard = 0): Reply {
    return this.drive(reply(this.member, ask, { sequence: this.sequence, standing: this.standing, heard, merged: this.merged }));
  }

  learn(proof: Proof): void {
    this.drive(learn(this.member, proof));
  }

  /** Whether anything was made durable by the last ask. */
  get changed(): boolean {
    return this.did.some((kind) => kind === 'commit' || kind === 'save' || kind === 'saw');
  }

  drive<T>(machine: Machine<T>): T {
    this.did = [];
    let step = machine.next();
    while (!step.done) {
      this.did.push(step.value.kind);
      step = machine.next(this.#perform(step.value));
    }
    return step.value;
  }

  #perform(effect: Effect): unknown {
    const { vault } = this.bench;
    switch (effect.kind) {
      case 'load': {
        const { sequence, standing, sinceCountedMs } = this;
        const counters = this.counters.get(effect.slot) ?? NEW_COUNTERS;
        return { counters, record: this.records.get(effect.slot), sequence, standing, sinceCountedMs, hasRoom: true };
      }
      case 'commit':
        this.counters.set(effect.slot, effect.counters);
        this.sequence += 1n;
        return this.sequence;
      case 'save':
        return void this.records.set(effect.slot, effect.record);
      case 'open':
        return vault.opens(effect.registration, this.position);
      case 'evaluate':
        return vault.evaluate(effect.registration.digest, this.position, effect.element);
      case 'sign':
        return this.key.sign(effect.bytes);
      case 'events':
        return [];
      case 'seen':
        return this.seen.get(effect.node) ?? 0n;
      case 'saw':
        for (const { node, sequence, by } of effect.evidence) {
          if (sequence <= (this.seen.get(node) ?? 0n)) continue;
          this.seen.set(node, sequence);
          this.memory.set(node, by);
        }
        return undefined;
      case 'memory':
        return [...this.memory.values()];
    }
  }
}

export class Bench {
  readonly keys = new Keys();
  readonly fleet: Fleet;
  readonly vault: Vault;
  readonly members: readonly [BenchMember, BenchMember, BenchMember];
  guessDelaysMs: readonly number[] = [];
  coolingOff = { minSeconds: 0, maxSeconds: 86_400 };
  lockDelayMs = 0;
  readonly #client = this.keys.make('client');
  #nonces = 0;

  constructor() {
    const identities = [0, 1, 2].map((i) => this.keys.make(`identity ${i}`));
    const sealing = [0, 1, 2].map((i) => this.keys.make(`sealing ${i}`).publicKey);
    this.fleet = makeFleet(
      'bench',
      2,
      2,
      identities.map(({ publicKey }, i) => ({ identityKey: publicKey, sealingKey: sealing[i] as Uint8Array })),
    );
    this.vault = new Vault(this.fleet, this.keys);
    const [a, b, c] = identities.map((key, i) => new BenchMember(this, key, i));
    this.members = [a as BenchMember, b as BenchMember, c as BenchMember];
  }

  deal(
    generation: number,
    tombstone = false,
    other: { readonly by?: string; readonly way?: WayIn; readonly waits?: number; readonly guesses?: number } = {},
  ): Deal {
    const { by = 'ada', way = PASSCODE, waits = 60, guesses = 3 } = other;
    const policy = { guesses, coolingOffSeconds: waits, graceSeconds: 0 };
    return this.vault.deal({
      by,
      device: 'phone',
      place: { ...PLACE, way },
      generation,
      passcode: '135790',
      tombstone,
      policy,
      authorised: true,
    });
  }

  /** A client's request and who makes it. */
  request(operation: Operation, { slot, generation, digest, core }: Deal['registration'], attempt: number, body: Id) {
    this.#nonces += 1;
    const nonce = new Uint8Array(32).fill(this.#nonces);
    const fields = { operation, fleet: this.fleet.id, signer: this.#client.id, slot, generation, digest, attempt, body, nonce };
    const request = signMessage('client/request', { ...fields, expiry: BigInt(NOW_MS / 1000 + 60) }, this.#client.sign);
    const caller = { place: core.place, clientKey: this.#client.publicKey, clientKeyId: this.#client.id, pass: new Secret('pass') };
    return { caller, request };
  }

  register({ registration }: Deal, approval?: Signed): Question {
    const { digest } = registration;
    const authorised = this.request('register', registration, 0, digest);
    return { op: 'register-vote', ...authorised, registration, ...(approval && { approval }) };
  }

  /** The owner key that the old one names lets the new one take its place. */
  replacing(next: Deal, old: Deal): Signed {
    const { slot, generation, digest } = next.registration;
    const fields = { fleet: this.fleet.id, signer: old.owner.id, slot, generation, digest };
    return signMessage('owner/approve', fields, old.owner.sign);
  }

  attempt(op: 'attempt-vote', deal: Deal, attempt: number, element: Uint8Array, shown?: readonly Signed[]): Question;
  attempt(op: 'answer', deal: Deal, attempt: number, element: Uint8Array, votes: readonly Signed[]): Question;
  attempt(
    op: 'attempt-vote' | 'answer',
    { registration }: Deal,
    attempt: number,
    element: Uint8Array,
    given: readonly Signed[] = [],
  ): Question {
    const authorised = this.request('attempt', registration, attempt, hash(element));
    return op === 'answer' ? { op, ...authorised, element, votes: given } : { op, ...authorised, element, shown: given };
  }

  /** Voted for by the first two members, and activated by who dealt it; nobody has it yet. */
  standing(deal: Deal, approval?: Signed): Standing {
    const { slot, generation, digest, bytes } = deal.registration;
    const [a, b] = this.members;
    const votes = [a, b].map((member) => said(member.ask(this.register(deal, approval))));
    const fields = { fleet: this.fleet.id, signer: deal.unlock.id, slot, generation, digest };
    return { registration: bytes, votes, activation: signMessage('unlock/activate', fields, deal.unlock.sign) };
  }

  /** In force at all members. */
  stand(deal: Deal, approval?: Signed): Standing {
    const standing = this.standing(deal, approval);
    for (const member of this.members) said(member.ask({ op: 'activate', standing }));
    return standing;
  }

  /** Votes of the given members for one guess. */
  votes(deal: Deal, attempt: number, element: Uint8Array, members: readonly BenchMember[]): readonly Signed[] {
    return members.map((member) => said(member.ask(this.attempt('attempt-vote', deal, attempt, element))));
  }

  /** Certified by these members, and answered by each of them: the number is settled there. */
  guess(deal: Deal, attempt: number, element: Uint8Array, members: readonly BenchMember[]): readonly Signed[] {
    const votes = this.votes(deal, attempt, element, members);
    for (const member of members) said(member.ask(this.attempt('answer', deal, attempt, element, votes)));
    return votes;
  }

  /** The owner objects to an announced one, by the key of a registration in force. */
  objecting(to: Deal, by: Deal, key: SigningKey = by.owner): Cancelled {
    const { slot, generation, digest } = to.registration;
    const fields = { fleet: this.fleet.id, signer: key.id, slot, generation, digest, bySlot: by.registration.slot };
    return { by: by.registration.core.place, cancel: signMessage('unlock/cancel', fields, key.sign) };
  }

  /** How these members say that the slot stands. */
  statuses({ registration }: Deal, members: readonly BenchMember[]): readonly Signed[] {
    const about = { ...registration, generation: 0, digest: NO_ID };
    return members.map((member) => said(member.ask({ op: 'status', ...this.request('status', about, 0, NO_ID) })));
  }

  confirm({ registration, unlock }: Deal, attempt: number, votes: readonly Signed[], acks?: readonly Signed[]): Question {
    const { slot, generation, digest } = registration;
    const fields: Message<'unlock/confirm'> = { fleet: this.fleet.id, signer: unlock.id, slot, generation, digest, attempt };
    return { op: 'confirm', confirmed: { confirm: signMessage('unlock/confirm', fields, unlock.sign), votes, ...(acks && { acks }) } };
  }
}

/** What it said; a refusal fails the test with its words. */
export function said(answer: Reply): Signed {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.refused}, ${answer.message}`);
  return answer;
}
