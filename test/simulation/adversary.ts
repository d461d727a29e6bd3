/**
 * Whoever is against the owner, with all that the laws grant him at once: he hears and repeats every letter, has a login and
 * a client key of the account (not the passcode), carries messages at some nodes, and commands up to t-1 tokens.
 */
import { deposit } from '../../src/quorum/client/deposit.ts';
import { recover } from '../../src/quorum/client/recover.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import { Hand } from './hand.ts';
import type { Letter } from './network.ts';
import { Rollbacks } from './rollbacks.ts';
import type { Simulation } from './simulation.ts';

const ARCHIVE_MAX = 400;

export class Adversary {
  readonly #simulation: Simulation;
  readonly #hand: Hand;
  readonly #rollbacks: Rollbacks;
  readonly #archive: Letter[] = [];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#hand = new Hand(simulation);
    this.#rollbacks = new Rollbacks(simulation, this.#hand);
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
      case 'forge':
        return this.#forge();
      case 'roll back':
        return this.#rollbacks.forgetGuess();
      case 'forget success':
        return this.#rollbacks.forgetSuccess();
      case 'guess':
        return this.#run('guesses', () => recover(this.#hand.device.client));
      case 'announce':
        return this.#run('announces', () => deposit(this.#hand.device.client));
    }
  }

  #run(told: string, machine: () => ReturnType<typeof recover> | ReturnType<typeof deposit>): void {
    const { device } = this.#hand;
    if (device.busy) return;
    const passcode = this.#hand.newGuess();
    this.#simulation.story.tell('stranger', () => `${told} (${passcode})`);
    device.run(machine() as ReturnType<typeof recover>, { passcode, tombstone: false, authorised: false }, () => undefined);
  }

  /** Any letter again, to any node. */
  #repeat(): void {
    const { world, network, nodes } = this.#simulation;
    const letter = this.#archive[world.chance.below(this.#archive.length)];
    if (letter === undefined || letter.kind === 'call' || letter.kind === 'changes') return;
    const to = world.chance.pick(nodes);
    network.send(
      undefined,
      to,
      letter as Letter & { kind: 'ask' },
      (reply) => letter.kind === 'ask' && this.#hand.collect(letter.ask, reply),
    );
  }

  /** Gets votes of some members for a guess of his, with whatever number. */
  #burn(): void {
    const { world, nodes } = this.#simulation;
    const target = this.#hand.target();
    if (target === undefined) return;
    const { generation, digest, tried, guesses } = target;
    const attempt = world.chance.happens(0.8) ? tried + world.chance.between(0, 2) : world.chance.between(1, 2 * guesses);
    const known = this.#hand.held.filter((held) => held.digest === digest && held.attempt === attempt);
    const again = known.length > 0 && world.chance.happens(0.5);
    const element = again ? world.chance.pick(known).element : this.#hand.newElement();
    this.#hand.askVotes(world.chance.some(nodes), { generation, digest, attempt, element });
  }

  /** Presents votes that he holds, for the first time or again, now or long after, to some members. */
  #redeem(): void {
    const { world, nodes, fleet } = this.#simulation;
    const whole = this.#hand.held.filter((held) => held.votes.size >= fleet.quorum);
    const latest = whole.at(-1);
    if (latest === undefined) return;
    this.#hand.redeem(world.chance.some(nodes), world.chance.happens(0.5) ? latest : world.chance.pick(whole));
  }

  /** A certificate of votes that do not belong together, or one too few, or the same twice. */
  #mix(): void {
    const { world, nodes, fleet } = this.#simulation;
    const { held } = this.#hand;
    const votes = held.flatMap((one) => [...one.votes.values()]);
    const latest = held.at(-1);
    if (latest === undefined || votes.length < 2) return;
    const mixed = Array.from({ length: fleet.quorum }, () => world.chance.pick(votes));
    const own = [...latest.votes.values()];
    const wrong = world.chance.pick([mixed, own.slice(0, fleet.quorum - 1), Array<Signed>(fleet.quorum).fill(own[0] as Signed)]);
    this.#hand.redeem([world.chance.pick(nodes)], latest, wrong);
  }

  /** A success that never was: with a stolen unlock key but no votes to go with it, or with a key of his own, as a peer's proof. */
  #forge(): void {
    const { world, nodes, network, vault, fleet, slot } = this.#simulation;
    const target = this.#hand.target();
    const deal = target && vault.dealOf(target.digest);
    if (target === undefined || deal === undefined) return;
    const { generation, digest, tried, guesses } = target;
    const key = world.chance.happens(0.5) ? deal.unlock : this.#hand.device.key;
    const fields = { fleet: fleet.id, signer: key.id, slot, generation, digest, attempt: tried + world.chance.between(0, guesses) };
    const confirm = signMessage('unlock/confirm', fields, key.sign);
    const held = this.#hand.held.find((one) => one.digest === digest);
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
    const { world, nodes, network } = this.#simulation;
    const asks = this.#archive.flatMap((letter) => (letter.kind === 'ask' && 'element' in letter.ask ? [letter.ask] : []));
    if (asks.length === 0) return;
    const ask = { ...world.chance.pick(asks), element: this.#hand.newElement() };
    network.send(undefined, world.chance.pick(nodes), { kind: 'ask', ask }, () => undefined);
  }
}
