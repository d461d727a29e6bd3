/**
 * What happens between the people in the room while a plan is performed: who is asked to confirm, to compare, to sign, to
 * bring cards; and exceptions, which go on record the moment they are told. A `Room` is how they are asked: a terminal, a
 * rehearsal without people, a test. Nothing here decides: perform.ts does, by the plan.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Entrusted } from '../custody/shares.ts';
import { type People, type Person, peopleOf, type Role, signersOf } from './people.ts';
import { type Hand, isSignedBy } from './signature.ts';
import { END, EXCEPTION, type Line, SIGNATURE, type Transcript } from './transcript.ts';
import { wordRows } from './words.ts';

/** Something was not as planned, and somebody answers for going on. */
export interface Exception {
  readonly by: Person;
  readonly text: string;
}

/** `told`: exceptions that came up while they were asked. `confirmed`: whether they said yes. */
export interface Reply {
  readonly confirmed: boolean;
  readonly told: readonly Exception[];
}

export interface Room {
  say(text: string): void;
  confirm(by: Person, statement: string): Promise<Reply>;
  /** Whether to go on although this is not as it must be, and who answers for it. Nothing: stop. */
  excuse(problem: string, people: People): Promise<Exception | undefined>;
  /** The key with which this person signs now. */
  hand(of: Person): Promise<Hand>;
  /** The custodian takes the file; it is removed afterwards unless it is encrypted. */
  handOver(to: Person, file: string, encrypted: boolean): Promise<Reply>;
  /**
   * Brings the cards of a custodian who has not brought any yet.
   * @param wanted what there must be a card for
   * @param take checks and takes the text of the cards. @throws `malformed` when they are not what is needed: another try
   */
  cards(brought: readonly string[], needed: number, wanted: readonly Entrusted[], take: (text: string) => void): Promise<void>;
}

export class Proceedings {
  readonly people: People;
  readonly room: Room;
  readonly #transcript: Transcript;

  constructor(people: People, room: Room, transcript: Transcript) {
    this.people = people;
    this.room = room;
    this.#transcript = transcript;
  }

  /** The facts of a step that is recorded. */
  recorded(step: string): Line['facts'] | undefined {
    return this.#transcript.lines.find((line) => line.step === step)?.facts;
  }

  /** Everyone of the role, one after the other. @returns their names @throws `not-confirmed` */
  async confirm(role: Role, statement: string, about: string): Promise<string[]> {
    const asked = peopleOf(this.people, role);
    for (const person of asked) this.#settle(await this.room.confirm(person, statement), person, about);
    return asked.map(({ name }) => name);
  }

  async handOver(to: Person, file: string, encrypted: boolean, about: string): Promise<void> {
    this.#settle(await this.room.handOver(to, file, encrypted), to, about);
  }

  /** The operator reads the words; every observer compares them with what is shown. @returns who compared */
  aloud(what: string, digest: Id, about: string): Promise<string[]> {
    this.room.say([`Read aloud: ${what}`, `  ${digest}`, ...wordRows(digest).map((row) => `  ${row}`)].join('\n'));
    return this.confirm('observer', `the 24 words of ${what} that were read aloud are the ones shown`, about);
  }

  /** @returns whether an exception is on record now @throws nothing: the caller says what is not as it must be */
  async excuse(problem: string, about: string, must: string): Promise<boolean> {
    const exception = await this.room.excuse(problem, this.people);
    if (exception === undefined) return false;
    this.#record(exception, about, must);
    return true;
  }

  /** Operator and observers sign, each once after the line of this step. */
  async sign(after: string): Promise<void> {
    for (const { key, ...person } of signersOf(this.people)) {
      if (this.#hasSigned(person, after)) continue;
      const hand = await this.room.hand(person);
      if (hand.key !== key)
        fail('not-confirmed', `the key of ${person.name} is another than the ceremony's parameters name`, { expected: key, got: hand.key });
      await this.#transcript.appendSignature(person, checked(hand));
    }
  }

  /** An unfinished transcript is gone on with only by someone who says why it was interrupted. */
  async resume(): Promise<void> {
    const last = this.#transcript.lines.at(-1);
    if (last === undefined || this.#transcript.lines.some(({ step }) => step === END)) return;
    const problem = `the ceremony was interrupted after "${last.step}", line ${last.sequence}, at ${last.time}`;
    if (!(await this.excuse(problem, last.step, 'the ceremony is performed without interruption')))
      fail('not-confirmed', `${problem}, and nobody says why`);
  }

  #settle({ confirmed, told }: Reply, person: Person, about: string): void {
    for (const exception of told) this.#record(exception, about);
    if (!confirmed) fail('not-confirmed', `${person.name} (${person.role}) did not confirm`, { step: about });
  }

  #record({ by, text }: Exception, about: string, must?: string): void {
    this.#transcript.append({ step: EXCEPTION, role: by.role, who: [by.name], facts: { about, text, ...(must && { must }) } });
  }

  #hasSigned({ role, name }: Person, after: string): boolean {
    const { lines } = this.#transcript;
    const since = lines.findIndex(({ step }) => step === after);
    return lines.slice(since).some((line) => line.step === SIGNATURE && line.role === role && line.who?.[0] === name);
  }
}

/** A device that signs something else is noticed here and not years later. */
function checked(hand: Hand): Hand {
  return {
    key: hand.key,
    sign: async (bytes) => {
      const signature = await hand.sign(bytes);
      return isSignedBy(hand.key, bytes, signature)
        ? signature
        : fail('configuration', 'the signature does not verify under the key', { key: hand.key });
    },
  };
}
