/** What the adversary has in his hand: a login of the account, a view of every disk, and the votes that he was given. */
import { type Id, NO_ID, toHex } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { type Ask, isRefusal, type Reply } from '../../src/quorum/ask.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { hash, type Signed } from '../../src/wire/signed.ts';
import { Device } from './device.ts';
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';

/** One guess, as it is counted. */
export interface Guess {
  readonly generation: number;
  readonly digest: Id;
  readonly attempt: number;
  readonly element: Uint8Array;
}

/** Votes that he holds for one guess, by the voter. */
export interface Held extends Guess {
  readonly votes: Map<Id, Signed>;
}

export interface Target {
  readonly generation: number;
  readonly digest: Id;
  readonly tried: number;
  readonly guesses: number;
}

export class Hand {
  readonly device: Device;
  readonly #simulation: Simulation;
  readonly #held = new Map<string, Held>();
  /** The latest status of each node. */
  readonly #shown = new Map<Id, Signed>();
  #guesses = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.device = new Device(simulation, 'stranger', 'stranger', simulation.place);
  }

  get held(): readonly Held[] {
    return [...this.#held.values()];
  }

  /** A wrong passcode, another one each time. */
  newGuess(): string {
    this.#guesses += 1;
    return `guess ${this.#guesses}`;
  }

  newElement(): Uint8Array {
    const { vault, world } = this.#simulation;
    return vault.blind(this.newGuess(), world.chance.bytes(32));
  }

  /** He reads every disk: what is in force, and how far one of the members has counted. */
  target(): Target | undefined {
    const { nodes, world, vault } = this.#simulation;
    const { record, counters } = world.chance.pick(nodes).view(this.device.slot);
    if (record?.standing === undefined) return undefined;
    const { generation, digest } = decodeMessage('unlock/activate', record.standing.activation.bytes);
    return { generation, digest, tried: counters.tried, guesses: vault.dealOf(digest)?.registration.core.policy.guesses ?? 1 };
  }

  authorise({ generation, digest, attempt, element }: Guess) {
    const { slot, caller } = this.device;
    const { request } = this.device.sign({ operation: 'attempt', slot, generation, digest, attempt, body: hash(element) });
    return { caller, request };
  }

  /** Asks these members for their votes; those of compromised tokens he makes himself. */
  askVotes(some: readonly Node[], guess: Guess): void {
    const { generation, digest, attempt, element } = guess;
    const ask = { op: 'attempt-vote', ...this.authorise(guess), element, shown: this.askStatuses(digest) } as const;
    for (const to of some) this.#simulation.network.send(undefined, to, { kind: 'ask', ask }, (reply) => this.collect(ask, reply));
    for (const [id, vote] of this.#simulation.forge(digest, generation, attempt, hash(element))) this.#hold(vote, element, id);
  }

  /** He asks every node how the account stands, and has those of compromised tokens say what helps him. */
  askStatuses(digest: Id): readonly Signed[] {
    const { caller, slot } = this.device;
    const { nodes, network } = this.#simulation;
    const { request } = this.device.sign({ operation: 'status', slot, generation: 0, digest: NO_ID, attempt: 0, body: NO_ID });
    const ask = { op: 'status', caller, request } as const;
    for (const to of nodes)
      network.send(undefined, to, { kind: 'ask', ask }, (reply) => {
        if (reply !== undefined && !isRefusal(reply)) this.#shown.set(to.id, reply);
      });
    for (const [id, status] of this.#simulation.forgeStatuses(digest)) this.#shown.set(id, status);
    return [...this.#shown.values()];
  }

  votesFor({ digest, attempt, element }: Guess): readonly Signed[] {
    return [...(this.#held.get(nameOf({ digest, attempt, element }))?.votes.values() ?? [])];
  }

  /** Presents these votes to some members; with too few of them, only when told to. */
  redeem(some: readonly Node[], guess: Guess, votes: readonly Signed[] = this.#quorumOf(guess)): void {
    if (votes.length === 0) return;
    const ask = { op: 'answer', ...this.authorise(guess), element: guess.element, votes } as const;
    for (const to of some) this.#simulation.network.send(undefined, to, { kind: 'ask', ask }, () => undefined);
  }

  collect(ask: Ask, reply: Reply | undefined): void {
    if (ask.op !== 'attempt-vote' || reply === undefined || isRefusal(reply)) return;
    try {
      this.#hold(reply, ask.element, decodeMessage('node/attempt-vote', reply.bytes).signer);
    } catch (error) {
      // A compromised node may say anything, to him too.
      if (!(error instanceof HoldfastError)) throw error;
    }
  }

  #quorumOf(guess: Guess): readonly Signed[] {
    const { world, fleet } = this.#simulation;
    const votes = world.chance.shuffled(this.votesFor(guess));
    return votes.length < fleet.quorum ? [] : votes.slice(0, fleet.quorum);
  }

  #hold(vote: Signed, element: Uint8Array, signer: Id): void {
    const { generation, digest, attempt } = decodeMessage('node/attempt-vote', vote.bytes);
    const key = nameOf({ digest, attempt, element });
    const held = this.#held.get(key) ?? { generation, digest, attempt, element, votes: new Map<Id, Signed>() };
    this.#held.set(key, held);
    held.votes.set(signer, vote);
  }
}

function nameOf({ digest, attempt, element }: Omit<Guess, 'generation'>): string {
  return `${toHex(element)} ${digest} ${attempt}`;
}
