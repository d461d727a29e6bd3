/** The two attacks that a token on a disk invites (src/quorum/member/rollback.ts): a guess forgotten, a success forgotten. */
import { isRefusal } from '../../src/quorum/ask.ts';
import { type Signed, signMessage } from '../../src/wire/signed.ts';
import type { Guess, Hand } from './hand.ts';
import type { Node, Snapshot } from './node.ts';
import type { Simulation } from './simulation.ts';

const POLLS_MAX = 20;
const STEP_MS = 60;
/** Past the delay after which members state locks. */
const LOCK_TRIES_MS = [10_000, 15_000, 20_000];

export class Rollbacks {
  readonly #simulation: Simulation;
  readonly #hand: Hand;
  #before: Snapshot | undefined;
  #busy = false;

  constructor(simulation: Simulation, hand: Hand) {
    this.#simulation = simulation;
    this.#hand = hand;
  }

  /** Spends a number with one half of the fleet, puts back the token that stands in both, spends it again with the other half. */
  forgetGuess(): void {
    const { world, fleet } = this.#simulation;
    const victim = this.#victim;
    const target = this.#hand.target();
    if (target === undefined || !victim.alive || this.#busy) return;
    // Found out: back to before that, too.
    if (victim.token.quarantined && this.#before !== undefined) return this.#simulation.rollBack(victim, this.#before);
    if (victim.standing !== 'full') return;
    const others = this.#others();
    const [known, unknowing] = [others.slice(0, fleet.quorum - 1), others.slice(fleet.quorum - 1)];
    const { generation, digest, tried } = target;
    this.#before = victim.snapshot();
    this.#busy = true;
    const askVotes = (half: readonly Node[]): Guess => {
      const guess = { generation, digest, attempt: tried + 1, element: this.#hand.newElement() };
      this.#hand.askVotes([victim, ...half], guess);
      return guess;
    };
    // Nobody knows of votes that are held back; of the others, who knows may be out of reach, or his answer come too late.
    const way = world.chance.pick(['held back', 'cut off', 'killed again'] as const);
    const first = askVotes(known);
    if (way !== 'held back') world.after(60, () => this.#hand.redeem([victim, ...known], first));
    world.after(150, () => {
      if (way === 'cut off') this.#cutOff(known, 5000);
      this.#simulation.rollBack(victim, this.#before);
      if (way === 'killed again') world.after(world.chance.between(1, 8), () => this.#simulation.rollBack(victim, undefined));
      this.#onceItVotes(() => {
        const second = askVotes(unknowing);
        world.after(60, () => this.#hand.redeem([victim, ...unknowing], second));
        world.after(120, () => {
          this.#busy = false;
          if (way === 'held back') this.#hand.redeem([victim, ...known], first);
        });
      });
    });
  }

  /**
   * Against law 8, by somebody with the unlock key: the last number is a success that just a quorum acknowledges, then one of
   * them is put back to before, and the others of them are cut off while the rest might lock.
   */
  forgetSuccess(): void {
    const { world, nodes, fleet, vault, network, checks } = this.#simulation;
    const victim = this.#victim;
    const target = this.#hand.target();
    const deal = target && vault.dealOf(target.digest);
    if (target === undefined || deal === undefined || victim.standing !== 'full' || this.#busy) return;
    const { generation, digest, guesses } = target;
    const { slot } = this.#hand.device;
    const { tried, cleared } = victim.view(slot).counters;
    const attempt = cleared + guesses;
    const guess = { generation, digest, attempt, element: this.#hand.newElement() };
    this.#busy = true;
    // Members follow one number at a time, on the statuses of those who have counted the one before.
    for (let number = Math.min(tried + 1, attempt); number <= attempt; number += 1) {
      const one = number === attempt ? guess : { ...guess, attempt: number, element: this.#hand.newElement() };
      const atMs = (number - tried) * STEP_MS;
      world.after(atMs, () => this.#hand.askStatuses(digest));
      world.after(atMs + STEP_MS / 2, () => this.#hand.askVotes(nodes, one));
    }
    world.after(Math.max(1, attempt - tried + 1) * STEP_MS + 100, () => {
      const votes = this.#hand.votesFor(guess).slice(0, fleet.quorum);
      if (votes.length < fleet.quorum) {
        this.#busy = false;
        return;
      }
      const before = victim.snapshot();
      const others = this.#others().slice(0, fleet.quorum - 1);
      const fields = { fleet: fleet.id, signer: deal.unlock.id, slot, generation, digest, attempt };
      const ask = { op: 'confirm', confirmed: { confirm: signMessage('unlock/confirm', fields, deal.unlock.sign), votes } } as const;
      checks.succeeded(digest, attempt);
      this.#cutOff([victim, ...others], 300);
      for (const to of [victim, ...others]) network.send(victim, to, { kind: 'ask', ask }, () => undefined);
      world.after(310, () => {
        this.#simulation.rollBack(victim, before);
        this.#onceItVotes(() => this.#lockWithout(others));
      });
    });
  }

  #lockWithout(others: readonly Node[]): void {
    const { world, nodes } = this.#simulation;
    const rest = nodes.filter((node) => !others.includes(node));
    this.#cutOff(others, 30_000);
    for (const atMs of LOCK_TRIES_MS) world.after(atMs, () => this.#lock(rest));
    world.after(30_000, () => {
      this.#busy = false;
    });
  }

  /** Carries lock statements of these members, and the certificate that they make. */
  #lock(some: readonly Node[]): void {
    const { network, world, place } = this.#simulation;
    const statements: Signed[] = [];
    for (const to of some) {
      const ask = { op: 'lock', place } as const;
      network.send(undefined, to, { kind: 'ask', ask }, (said) => said !== undefined && !isRefusal(said) && statements.push(said));
    }
    world.after(2000, () => {
      for (const to of some) if (to.alive) to.learn({ lock: statements });
    });
  }

  get #victim(): Node {
    const { nodes, plan } = this.#simulation;
    return nodes[plan.victim ?? 0] as Node;
  }

  #others(): Node[] {
    const { world, nodes } = this.#simulation;
    return world.chance.shuffled(nodes.filter((node) => node !== this.#victim));
  }

  #cutOff(some: readonly Node[], forMs: number): void {
    const ids = some.map((node) => node.id);
    this.#simulation.faults.cutOff(ids, forMs);
  }

  /** When the victim has talked the others into believing it; or never. */
  #onceItVotes(then: () => void, polls = POLLS_MAX): void {
    const victim = this.#victim;
    this.#simulation.world.after(250, () => {
      if (victim.alive && victim.standing === 'full') {
        this.#simulation.story.count('rolled back unnoticed');
        then();
      } else if (polls > 0 && !victim.token.quarantined) this.#onceItVotes(then, polls - 1);
      else this.#busy = false;
    });
  }
}
