/**
 * The laws (docs/design.md, "Laws"), looked at after every step that could break one. A check sees what a node's token and
 * disk do and what it signs; it knows more than any party of the protocol, and no machine can see it.
 */
import type { Id } from '../../src/base/bytes.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import type { Counters } from '../../src/quorum/counters.ts';
import type { Registration } from '../../src/vault/registration.ts';
import { decodeMessage, type Message } from '../../src/wire/message.ts';
import type { World } from './world.ts';

export class LawBroken extends Error {
  readonly law: string;

  constructor(law: string, what: string) {
    super(`${law}: ${what}`);
    this.law = law;
  }
}

/** Who may have been tampered with in this seed: what the laws may say depends on it. */
export interface Trust {
  /** Tokens under the adversary's command. */
  readonly compromised: ReadonlySet<Id>;
  /** Tokens of class `host` that are put back to older states. */
  readonly rolledBack: ReadonlySet<Id>;
}

interface Guess {
  readonly attempt: number;
  readonly firstMs: number;
  readonly order: number;
  readonly nodes: Set<Id>;
}

interface Generation {
  readonly guesses: Map<Id, Guess>;
  /** Attempts that the unlock key confirmed. */
  readonly successes: Set<number>;
  lastSuccess: number;
  readonly acknowledged: Map<number, Set<Id>>;
  erasedBelow: number | undefined;
}

export class Checks {
  readonly #world: World;
  readonly #fleet: Fleet;
  readonly #trust: Trust;
  readonly #guessDelaysMs: readonly number[];
  readonly #nameOf: (digest: Id) => string;
  readonly #generations = new Map<Id, Generation>();
  readonly #inForce = new Map<string, Id>();
  readonly #signed = new Map<string, string>();
  readonly #askedMs = new Map<string, number>();
  readonly #votedMs = new Map<string, number>();
  #order = 0;

  constructor(world: World, fleet: Fleet, trust: Trust, guessDelaysMs: readonly number[], nameOf: (digest: Id) => string) {
    this.#world = world;
    this.#guessDelaysMs = guessDelaysMs;
    this.#fleet = fleet;
    this.#trust = trust;
    this.#nameOf = nameOf;
  }

  #of(digest: Id): Generation {
    let found = this.#generations.get(digest);
    if (found === undefined) {
      found = { guesses: new Map(), successes: new Set([0]), lastSuccess: 0, acknowledged: new Map(), erasedBelow: undefined };
      this.#generations.set(digest, found);
    }
    return found;
  }

  /** An honest token multiplies: from here on that share's answer counts as given, whether or not it arrives. */
  evaluated(node: Id, counters: Counters, registration: Registration, attempt: number, element: Id): void {
    // A compromised token answers in secret as well: law 1 counts it as always given.
    if (this.#trust.compromised.has(node)) return;
    const { digest, generation } = registration;
    if (counters.active !== generation || counters.tried < attempt) {
      throw new LawBroken(
        'law 3',
        `an answer to attempt ${attempt} of ${this.#nameOf(digest)} before its token counted (tried ${counters.tried})`,
      );
    }
    const { guesses } = this.#of(digest);
    const known = guesses.get(element);
    if (known === undefined) {
      this.#order += 1;
      guesses.set(element, { attempt, firstMs: this.#world.now, order: this.#order, nodes: new Set([node]) });
    } else known.nodes.add(node);
    this.#countGuesses(registration);
    this.#comesInTime(digest, attempt);
  }

  /** A member that is no traitor votes for an attempt: not before its delay after the vote that it gave last. */
  votes(node: Id, { cleared }: Counters, { digest, attempt }: Pick<Message<'node/attempt-vote'>, 'digest' | 'attempt'>): void {
    if (this.#trust.compromised.has(node)) return;
    const { now } = this.#world;
    const own = `${node} ${digest}`;
    const waitedMs = now - (this.#votedMs.get(own) ?? 0);
    const delayMs = this.#delayMs(attempt - 1 - cleared);
    if (waitedMs < delayMs) {
      throw new LawBroken('delays', `attempt ${attempt} of ${this.#nameOf(digest)} is voted for ${waitedMs} ms after the one before`);
    }
    this.#votedMs.set(own, now);
    const first = `${digest} ${attempt}`;
    if (!this.#votedMs.has(first)) this.#votedMs.set(first, now);
  }

  /** Two quorums share a member. So what one certified is followed by another only after the delay, whoever carried the messages. */
  #comesInTime(digest: Id, attempt: number): void {
    if (this.#trust.compromised.size + this.#trust.rolledBack.size > 0) return;
    const { guesses, successes } = this.#of(digest);
    const delayMs = this.#delayMs(attempt - 1 - Math.max(...successes));
    for (const { attempt: earlier } of guesses.values()) {
      const votedMs = this.#votedMs.get(`${digest} ${earlier}`);
      if (earlier >= attempt || votedMs === undefined || this.#world.now >= votedMs + delayMs) continue;
      throw new LawBroken('delays', `attempt ${attempt} of ${this.#nameOf(digest)} is answered too soon after attempt ${earlier}`);
    }
  }

  #delayMs(wrong: number): number {
    return wrong <= 0 ? 0 : (this.#guessDelaysMs[Math.min(wrong, this.#guessDelaysMs.length) - 1] ?? 0);
  }

  /** The right passcode was found, and its unlock key says so. */
  succeeded(digest: Id, attempt: number): void {
    const of = this.#of(digest);
    of.successes.add(attempt);
    of.lastSuccess = this.#order;
  }

  #countGuesses({ digest, core }: Registration): void {
    const { nodes, threshold } = this.#fleet;
    const budget = core.policy.guesses;
    const { guesses, successes, lastSuccess } = this.#of(digest);
    const tampered = this.#trust.compromised.size;
    const complete = [...guesses.values()].filter((guess) => guess.nodes.size >= threshold - tampered);
    const last = Math.max(...successes);
    const beyond = complete.find((guess) => guess.attempt > last + budget);
    if (beyond !== undefined) {
      throw new LawBroken('law 1', `attempt ${beyond.attempt} of ${this.#nameOf(digest)} was answered, the last success was ${last}`);
    }
    const most = Math.floor(((nodes.length - tampered) * budget) / (threshold - tampered));
    if (tampered === 0) {
      // The budget holds because each number serves one guess; a second one shows the hole before the budget runs over.
      const numbers = complete.map((guess) => guess.attempt);
      const twice = numbers.find((attempt, i) => numbers.indexOf(attempt) !== i);
      if (twice !== undefined) throw new LawBroken('law 1', `two guesses at ${this.#nameOf(digest)} were answered as attempt ${twice}`);
      const since = complete.filter((guess) => guess.order > lastSuccess).length;
      if (since > most) {
        throw new LawBroken('law 1', `${since} guesses at ${this.#nameOf(digest)} answered after the last success, ${budget} allowed`);
      }
    }
    for (const success of successes) {
      const within = complete.filter((guess) => guess.attempt > success && guess.attempt <= success + budget).length;
      if (within > most) {
        throw new LawBroken('law 1', `${within} guesses at ${this.#nameOf(digest)} answered after success ${success}, ${most} allowed`);
      }
    }
  }

  /** The highest success that a quorum acknowledged; 0 for none. */
  lastAcknowledgedOf(digest: Id): number {
    const { acknowledged } = this.#of(digest);
    return Math.max(0, ...[...acknowledged].flatMap(([attempt, by]) => (by.size >= this.#fleet.quorum ? [attempt] : [])));
  }

  /** A token's counters of a slot change. */
  committed(node: string, before: Counters, after: Counters): void {
    const sameGeneration = before.active === after.active;
    const down =
      after.voted < before.voted ||
      after.active < before.active ||
      (sameGeneration &&
        (after.tried < before.tried ||
          after.cleared < before.cleared ||
          (before.locked && !after.locked && after.cleared === before.cleared)));
    if (down) throw new LawBroken('only upwards', `${node}: ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
  }

  /** A refused ask, or one that failed, has changed token or disk. */
  refusedButChanged(node: string, what: string): never {
    throw new LawBroken('law 5', `${node} refused ${what}, and changed something`);
  }

  /** An honest node signs. */
  signed(node: Id, bytes: Uint8Array): void {
    if (this.#trust.compromised.has(node)) return;
    const type = typeOf(bytes);
    if (type === 'node/attempt-vote') {
      const { slot, generation, attempt } = decodeMessage(type, bytes);
      this.#once(node, `${type} ${slot} ${generation} ${attempt}`, bytes);
    } else if (type === 'node/register-vote') {
      const { slot, generation } = decodeMessage(type, bytes);
      this.#once(node, `${type} ${slot} ${generation}`, bytes);
    } else if (type === 'node/confirmation-ack') {
      const { digest, attempt } = decodeMessage(type, bytes);
      const { acknowledged } = this.#of(digest);
      const by = acknowledged.get(attempt) ?? new Set();
      acknowledged.set(attempt, by.add(node));
      this.#eitherConfirmedOrErased(digest);
    } else if (type === 'node/activation-ack') {
      const { slot, generation, digest } = decodeMessage(type, bytes);
      if (this.#trust.compromised.size + this.#trust.rolledBack.size > 0) return;
      const key = `${slot} ${generation}`;
      const other = this.#inForce.get(key);
      if (other !== undefined && other !== digest) {
        throw new LawBroken(
          'one registration',
          `${this.#nameOf(other)} and ${this.#nameOf(digest)} both stand under generation ${generation}`,
        );
      }
      this.#inForce.set(key, digest);
    }
  }

  #once(node: Id, what: string, bytes: Uint8Array): void {
    if (this.#trust.rolledBack.has(node)) return;
    const key = `${node} ${what}`;
    if (this.#signed.has(key)) throw new LawBroken('vote once', `signed twice: ${what}`);
    this.#signed.set(key, Buffer.from(bytes).toString('latin1'));
  }

  askedToReplace(node: Id, { digest }: Registration): void {
    const key = `${node} ${digest}`;
    if (!this.#askedMs.has(key)) this.#askedMs.set(key, this.#world.now);
  }

  /** A member votes to replace what is in force, without the word of its unlock key. */
  replaces(node: Id, { digest }: Registration, coolingOffSeconds: number): void {
    if (this.#trust.compromised.has(node)) return;
    const waitedMs = this.#world.now - (this.#askedMs.get(`${node} ${digest}`) ?? this.#world.now);
    if (waitedMs < coolingOffSeconds * 1000) {
      throw new LawBroken('cooling-off', `${this.#nameOf(digest)} is voted for after ${waitedMs} ms, without the unlock key in force`);
    }
  }

  erased(digest: Id, cleared: number): void {
    const of = this.#of(digest);
    of.erasedBelow = Math.min(of.erasedBelow ?? cleared, cleared);
    this.#eitherConfirmedOrErased(digest);
  }

  #eitherConfirmedOrErased(digest: Id): void {
    const { acknowledged, erasedBelow } = this.#of(digest);
    // A token under the adversary's command may both acknowledge and state a lock: the law is about the others.
    if (erasedBelow === undefined || this.#trust.compromised.size > 0) return;
    for (const [attempt, by] of acknowledged) {
      if (attempt > erasedBelow && by.size >= this.#fleet.quorum) {
        throw new LawBroken(
          'law 8',
          `success ${attempt} of ${this.#nameOf(digest)} was acknowledged by ${by.size}, and its shares are erased`,
        );
      }
    }
  }
}

/** The type that a signed message says it is: its first byte is the length of the domain string. */
export function typeOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(1, 1 + (bytes[0] ?? 0)))
    .toString('latin1')
    .slice('holdfast/v1/'.length);
}
