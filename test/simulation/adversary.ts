/**
 * Whoever is against the owner, with all that the laws grant him at once: he hears and repeats every letter, has a login and
 * a client key of the account (not the passcode), carries messages at some nodes, and commands up to t-1 tokens.
 */
import { type Id, toHex } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { type Ask, isRefusal, type Reply } from '../../src/quorum/ask.ts';
import { deposit } from '../../src/quorum/client/deposit.ts';
import { recover } from '../../src/quorum/client/recover.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { hash, type Signed, signMessage } from '../../src/wire/signed.ts';
import { Device } from './device.ts';
import type { Letter } from './network.ts';
import type { Node, Snapshot } from './node.ts';
import type { Simulation } from './simulation.ts';

const ARCHIVE_MAX = 400;

/** Votes that he holds for one guess, by the voter. */
interface Held {
  readonly generation: number;
  readonly digest: Id;
  readonly attempt: number;
  readonly element: Uint8Array;
  readonly votes: Map<Id, Signed>;
}

export class Adversary {
  readonly #simulation: Simulation;
  readonly #device: Device;
  readonly #archive: Letter[] = [];
  readonly #held = new Map<string, Held>();
  #guess = 0;
  #before: Snapshot | undefined;
  #busy = false;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#device = new Device(simulation, 'stranger', 'stranger', simulation.place);
  }

  live(): void {
    const { network, world, activity } = this.#simulation;
    network.overheard = (letter) => this.#keep(letter);
    const again = () => {
      if (this.#simulation.quiet) return;
      this.#act();
      world.after(world.chance.between(20, activity.adversaryPauseMs), again);
    };
    world.after(world.chance.between(500, activity.adversaryPauseMs), again);
  }

  /** Votes that come by in letters are his as well. */
  #keep(letter: Letter): void {
    if (this.#simulation.quiet) return;
    if (this.#archive.length < ARCHIVE_MAX) this.#archive.push(letter);
    else this.#archive[this.#simulation.world.chance.below(ARCHIVE_MAX)] = letter;
  }

  #act(): void {
    const { world, activity, story } = this.#simulation;
    const what = world.chance.weighted(activity.adversary);
    story.count(`adversary: ${what}`);
    switch (what) {
      case 'repeat':
        return this.#repeat();
      case 'burn':
        return this.#burn();
      case 'redeem':
        return this.#redeem();
      case 'mix':
        return this.#mix();
      case 'swap':
        return this.#swap();
      case 'roll back':
        return this.#rollBack();
      case 'forget success':
        return this.#forgetSuccess();
      case 'forge':
        return this.#forge();
      case 'guess':
        return this.#run('guesses', () => recover(this.#device.client));
      case 'announce':
        return this.#run('announces', () => deposit(this.#device.client));
    }
  }

  #run(told: string, machine: () => ReturnType<typeof recover> | ReturnType<typeof deposit>): void {
    if (this.#device.busy) return;
    this.#guess += 1;
    const intent = { passcode: `guess ${this.#guess}`, tombstone: false, authorised: false };
    this.#simulation.story.tell('stranger', () => `${told} (${this.#guess})`);
    this.#device.run(machine() as ReturnType<typeof recover>, intent, () => undefined);
  }

  /** Any letter again, to any node. */
  #repeat(): void {
    const { world, network, nodes } = this.#simulation;
    const letter = this.#archive[world.chance.below(this.#archive.length)];
    if (letter === undefined || letter.kind === 'call' || letter.kind === 'changes') return;
    const to = world.chance.pick(nodes);
    network.send(undefined, to, letter as Letter & { kind: 'ask' }, (reply) => letter.kind === 'ask' && this.#collect(letter.ask, reply));
  }

  /**
   * The attack that a token on a disk invites: spend a guess with one half of the fleet, put the token that stands in both
   * halves back to before, and spend the same number again with the other half. Once more killed while it asks the others.
   */
  #rollBack(): void {
    const { world, nodes, plan, fleet } = this.#simulation;
    const victim = nodes[plan.victim ?? 0] as Node;
    const target = this.#target();
    if (target === undefined || !victim.alive || this.#busy) return;
    // Found out: back to before that, too.
    if (victim.token.quarantined && this.#before !== undefined) return this.#simulation.rollBack(victim, this.#before);
    if (victim.standing !== 'full') return;
    const others = world.chance.shuffled(nodes.filter((node) => node !== victim));
    const halves = [others.slice(0, fleet.quorum - 1), others.slice(fleet.quorum - 1)];
    const attempt = target.tried + 1;
    this.#before = victim.snapshot();
    this.#busy = true;
    const votesOf = (half: readonly Node[]): Held => {
      this.#guess += 1;
      const element = this.#simulation.vault.blind(`guess ${this.#guess}`, world.chance.bytes(32));
      const guess = { ...target, attempt, element, votes: new Map<Id, Signed>() };
      this.#burnAt([victim, ...half], guess);
      return guess;
    };
    const redeem = (half: readonly Node[], guess: Held) => this.#redeemAt([victim, ...half], this.#held.get(nameOf(guess)));
    const [known, unknowing] = halves as [Node[], Node[]];
    // Nobody knows of votes that are held back; of the others, who knows may be out of reach, or his answer come too late.
    const way = world.chance.pick(['held back', 'cut off', 'killed again'] as const);
    const first = votesOf(known);
    if (way !== 'held back') world.after(60, () => redeem(known, first));
    world.after(150, () => {
      if (way === 'cut off') this.#cutOff(known, 5000);
      this.#simulation.rollBack(victim, this.#before);
      if (way === 'killed again') world.after(world.chance.between(1, 8), () => this.#simulation.rollBack(victim, undefined));
      this.#onceItVotes(victim, () => {
        const second = votesOf(unknowing);
        world.after(60, () => redeem(unknowing, second));
        world.after(120, () => {
          this.#busy = false;
          if (way === 'held back') redeem(known, first);
        });
      });
    });
  }

  #cutOff(some: readonly Node[], forMs: number): void {
    this.#simulation.faults.cutOff(
      some.map((node) => node.id),
      forMs,
    );
  }

  /** When it has talked the others into believing it; or never. */
  #onceItVotes(victim: Node, then: () => void, tries = 20): void {
    this.#simulation.world.after(250, () => {
      if (victim.alive && victim.standing === 'full') {
        this.#simulation.story.count('rolled back unnoticed');
        then();
      } else if (tries > 0 && !victim.token.quarantined) this.#onceItVotes(victim, then, tries - 1);
      else this.#busy = false;
    });
  }

  /**
   * Against law 8, by somebody with the unlock key: the last number is a success that just a quorum acknowledges, then one of
   * them is put back to before, and the others of them are cut off until the rest might lock.
   */
  #forgetSuccess(): void {
    const { world, nodes, plan, fleet, vault, network, checks } = this.#simulation;
    const victim = nodes[plan.victim ?? 0] as Node;
    const target = this.#target();
    const deal = target && vault.dealOf(target.digest);
    if (target === undefined || deal === undefined || victim.standing !== 'full' || this.#busy) return;
    const { generation, digest } = target;
    const attempt = victim.view(this.#device.slot).counters.cleared + target.guesses;
    this.#guess += 1;
    const element = vault.blind(`guess ${this.#guess}`, world.chance.bytes(32));
    this.#burnAt(nodes, { generation, digest, attempt, element });
    this.#busy = true;
    world.after(100, () => {
      const votes = [...(this.#held.get(nameOf({ digest, attempt, element }))?.votes.values() ?? [])].slice(0, fleet.quorum);
      if (votes.length < fleet.quorum) {
        this.#busy = false;
        return;
      }
      const before = victim.snapshot();
      const others = world.chance.shuffled(nodes.filter((node) => node !== victim)).slice(0, fleet.quorum - 1);
      const fields = { fleet: fleet.id, signer: deal.unlock.id, slot: this.#device.slot, generation, digest, attempt };
      const ask = { op: 'confirm', confirmed: { confirm: signMessage('unlock/confirm', fields, deal.unlock.sign), votes } } as const;
      checks.succeeded(digest, attempt);
      this.#cutOff([victim, ...others], 300);
      for (const to of [victim, ...others]) network.send(victim, to, { kind: 'ask', ask }, () => undefined);
      world.after(310, () => {
        this.#simulation.rollBack(victim, before);
        this.#onceItVotes(victim, () => {
          this.#cutOff(others, 30_000);
          const rest = nodes.filter((node) => !others.includes(node));
          for (const atMs of [10_000, 15_000, 20_000]) world.after(atMs, () => this.#lock(rest));
          world.after(30_000, () => {
            this.#busy = false;
          });
        });
      });
    });
  }

  /** Carries lock statements of these members, and the certificate that they make. */
  #lock(some: readonly Node[]): void {
    const { network, world } = this.#simulation;
    const statements: Signed[] = [];
    for (const to of some) {
      const ask = { op: 'lock', place: this.#device.place } as const;
      network.send(undefined, to, { kind: 'ask', ask }, (said) => said !== undefined && !isRefusal(said) && statements.push(said));
    }
    world.after(2000, () => {
      for (const to of some) if (to.alive) to.learn({ lock: statements });
    });
  }

  /** Gets votes of some members for a guess of his, with whatever number. */
  #burn(): void {
    const { world, nodes, vault } = this.#simulation;
    const target = this.#target();
    if (target === undefined) return;
    const { generation, digest, tried, guesses } = target;
    const attempt = world.chance.happens(0.8) ? tried + world.chance.between(0, 2) : world.chance.between(1, 2 * guesses);
    const known = [...this.#held.values()].filter((held) => held.digest === digest && held.attempt === attempt);
    this.#guess += 1;
    const element =
      known.length > 0 && world.chance.happens(0.5)
        ? world.chance.pick(known).element
        : vault.blind(`guess ${this.#guess}`, world.chance.bytes(32));
    this.#burnAt(world.chance.some(nodes), { generation, digest, attempt, element });
  }

  #burnAt(some: readonly Node[], { generation, digest, attempt, element }: Omit<Held, 'votes'>): void {
    const ask = { op: 'attempt-vote', ...this.#authorise(generation, digest, attempt, element), element } as const;
    for (const to of some) this.#simulation.network.send(undefined, to, { kind: 'ask', ask }, (reply) => this.#collect(ask, reply));
    for (const [id, vote] of this.#simulation.forge(digest, generation, attempt, hash(element))) this.#hold(vote, element, id);
  }

  /** Presents votes that he holds, for the first time or again, now or long after, to some members. */
  #redeem(): void {
    const { world, nodes, fleet } = this.#simulation;
    const whole = [...this.#held.values()].filter((held) => held.votes.size >= fleet.quorum);
    if (whole.length === 0) return;
    this.#redeemAt(world.chance.some(nodes), world.chance.happens(0.5) ? whole.at(-1) : world.chance.pick(whole));
  }

  #redeemAt(some: readonly Node[], held: Held | undefined): void {
    const { world, fleet, network } = this.#simulation;
    if (held === undefined || held.votes.size < fleet.quorum) return;
    const { generation, digest, attempt, element } = held;
    const votes = world.chance.shuffled([...held.votes.values()]).slice(0, fleet.quorum);
    const ask = { op: 'answer', ...this.#authorise(generation, digest, attempt, element), element, votes } as const;
    for (const to of some) network.send(undefined, to, { kind: 'ask', ask }, () => undefined);
  }

  /** A certificate of votes that do not belong together, or one too few, or the same twice. */
  #mix(): void {
    const { world, nodes, network, fleet } = this.#simulation;
    const votes = [...this.#held.values()].flatMap((held) => [...held.votes.values()]);
    const held = [...this.#held.values()].at(-1);
    if (held === undefined || votes.length < 2) return;
    const { generation, digest, attempt, element } = held;
    const mixed = Array.from({ length: fleet.quorum }, () => world.chance.pick(votes));
    const own = [...held.votes.values()];
    const wrong = world.chance.pick([mixed, own.slice(0, fleet.quorum - 1), Array<Signed>(fleet.quorum).fill(own[0] as Signed)]);
    const ask = { op: 'answer', ...this.#authorise(generation, digest, attempt, element), element, votes: wrong } as const;
    network.send(undefined, world.chance.pick(nodes), { kind: 'ask', ask }, () => undefined);
  }

  /** A success that never was: with a stolen unlock key but no votes to go with it, or with a key of his own, as a peer's proof. */
  #forge(): void {
    const { world, nodes, network, vault, fleet, slot } = this.#simulation;
    const target = this.#target();
    const deal = target && vault.dealOf(target.digest);
    if (target === undefined || deal === undefined) return;
    const { generation, digest, tried, guesses } = target;
    const key = world.chance.happens(0.5) ? deal.unlock : this.#device.key;
    const fields = { fleet: fleet.id, signer: key.id, slot, generation, digest, attempt: tried + world.chance.between(0, guesses) };
    const confirm = signMessage('unlock/confirm', fields, key.sign);
    const held = [...this.#held.values()].find((one) => one.digest === digest);
    const confirmed = { confirm, votes: [...(held?.votes.values() ?? [])].slice(0, fleet.quorum) };
    // Votes of a quorum for just this number would make it a success, to whoever has the unlock key.
    if (held?.attempt === fields.attempt && confirmed.votes.length === fleet.quorum) return;
    const ask = { op: 'confirm', confirmed } as const;
    for (const to of world.chance.some(nodes)) {
      if (world.chance.happens(0.5)) network.send(undefined, to, { kind: 'ask', ask }, () => undefined);
      else network.send(undefined, to, { kind: 'teach', proof: { confirmation: confirmed }, ask }, () => undefined);
    }
  }

  /** Another element under the owner's signature. */
  #swap(): void {
    const { world, nodes, network, vault } = this.#simulation;
    const asks = this.#archive.flatMap((letter) => (letter.kind === 'ask' && 'element' in letter.ask ? [letter.ask] : []));
    if (asks.length === 0) return;
    this.#guess += 1;
    const element = vault.blind(`guess ${this.#guess}`, world.chance.bytes(32));
    network.send(undefined, world.chance.pick(nodes), { kind: 'ask', ask: { ...world.chance.pick(asks), element } }, () => undefined);
  }

  #authorise(generation: number, digest: Id, attempt: number, element: Uint8Array) {
    const { request } = this.#device.sign({
      operation: 'attempt',
      slot: this.#device.slot,
      generation,
      digest,
      attempt,
      body: hash(element),
    });
    return { caller: this.#device.caller, request };
  }

  /** He reads every disk: what is in force, and how far its counters are. */
  #target(): { generation: number; digest: Id; tried: number; guesses: number } | undefined {
    const { nodes, world, vault } = this.#simulation;
    const { record, counters } = world.chance.pick(nodes).view(this.#device.slot);
    if (record?.standing === undefined) return undefined;
    const { generation, digest } = decodeMessage('unlock/activate', record.standing.activation.bytes);
    return { generation, digest, tried: counters.tried, guesses: vault.dealOf(digest)?.registration.core.policy.guesses ?? 1 };
  }

  #collect(ask: Ask, reply: Reply | undefined): void {
    if (ask.op !== 'attempt-vote' || reply === undefined || isRefusal(reply)) return;
    try {
      this.#hold(reply, ask.element, decodeMessage('node/attempt-vote', reply.bytes).signer);
    } catch (error) {
      // A compromised node may say anything, to him too.
      if (!(error instanceof HoldfastError)) throw error;
    }
  }

  #hold(vote: Signed, element: Uint8Array, signer: Id): void {
    const { generation, digest, attempt } = decodeMessage('node/attempt-vote', vote.bytes);
    const key = nameOf({ digest, attempt, element });
    const held = this.#held.get(key) ?? { generation, digest, attempt, element, votes: new Map<Id, Signed>() };
    this.#held.set(key, held);
    held.votes.set(signer, vote);
  }
}

function nameOf({ digest, attempt, element }: Pick<Held, 'digest' | 'attempt' | 'element'>): string {
  return `${toHex(element)} ${digest} ${attempt}`;
}
