/**
 * Letters from devices and nodes to nodes, each with one answer at most. What was sent may be lost, late, doubled or
 * overtaken; a letter that arrives after its receiver's restart is read by the restarted one.
 */
import type { Id } from '../../src/base/bytes.ts';
import type { Ask, Caller, Refusal, Reply } from '../../src/quorum/ask.ts';
import type { Call, Heard } from '../../src/quorum/client/effects.ts';
import type { Proof } from '../../src/quorum/record.ts';
import type { Faults } from './faults.ts';
import type { Node } from './node.ts';
import type { World } from './world.ts';

interface Letters {
  ask: { readonly ask: Exclude<Ask, { op: 'cancel' }>; answer: Reply };
  teach: { readonly proof: Proof; readonly ask: Exclude<Ask, { op: 'cancel' }>; answer: Reply };
  cancel: { readonly ask: Ask & { op: 'cancel' }; answer: boolean | Refusal };
  proof: { readonly slot: Id; answer: Proof };
  changes: { readonly after: number; answer: { readonly proofs: readonly Proof[]; readonly head: number } };
  call: { readonly call: Call; readonly caller: Caller; answer: Heard };
}

export type LetterKind = keyof Letters;
export type Letter = { [K in LetterKind]: { readonly kind: K } & Omit<Letters[K], 'answer'> }[LetterKind];
export type AnswerTo<K extends LetterKind> = Letters[K]['answer'];

/** Reads a letter and answers, at once or later or never. */
export type Reader = (to: Node, letter: Letter, answer: (said: AnswerTo<LetterKind> | undefined) => void) => void;

export class Network {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #read: Reader;
  readonly #latest = new Map<string, number>();
  /** The adversary's ear, where there is one. */
  overheard: ((letter: Letter) => void) | undefined;

  constructor(world: World, faults: Faults, read: Reader) {
    this.#world = world;
    this.#faults = faults;
    this.#read = read;
  }

  /** @param heard called at most once: with nothing when the receiver is known to be out of reach, never when that is not known */
  send<K extends LetterKind>(
    from: Node | undefined,
    to: Node,
    letter: { readonly kind: K } & Omit<Letters[K], 'answer'>,
    heard: (said: AnswerTo<K> | undefined) => void,
  ): void {
    const sent = letter as unknown as Letter;
    this.overheard?.(sent);
    const life = from?.life;
    let answered = false;
    const answer = (said: AnswerTo<LetterKind> | undefined) => {
      // A process that restarted does not remember what it asked.
      if (answered || from?.life !== life) return;
      answered = true;
      heard(said as AnswerTo<K> | undefined);
    };
    if (from === to) {
      this.#world.after(0, () => from?.life === life && this.#read(to, sent, answer));
      return;
    }
    this.#carry(from?.id, to, sent, answer);
    if (this.#faults.rates.duplicated > 0 && this.#world.chance.happens(this.#faults.rates.duplicated)) {
      this.#world.story.count('message duplicated');
      this.#carry(from?.id, to, sent, answer);
    }
  }

  #carry(from: Id | undefined, to: Node, letter: Letter, answer: (said: AnswerTo<LetterKind> | undefined) => void): void {
    this.#leg(from, to.id, () => {
      if (!to.alive) {
        // A refused connection is noticed, a silent host is not.
        if (this.#world.chance.happens(0.5)) this.#leg(to.id, from, () => answer(undefined));
        return;
      }
      this.#read(to, letter, (said) => this.#leg(to.id, from, () => answer(said)));
    });
  }

  #leg(from: Id | undefined, to: Id | undefined, arrive: () => void): void {
    const { chance, story } = this.#world;
    if (this.#faults.rates.lost > 0 && chance.happens(this.#faults.rates.lost)) return story.count('message lost');
    const far = to ?? from;
    if (far !== undefined && this.#faults.apart(to === undefined ? undefined : from, far))
      return story.count('message stopped by a partition');
    const at = this.#world.now + this.#faults.delayMs();
    const pair = `${from} ${to}`;
    const latest = this.#latest.get(pair) ?? 0;
    if (at < latest) story.count('message reordered');
    else this.#latest.set(pair, at);
    this.#world.after(at - this.#world.now, arrive);
  }
}
