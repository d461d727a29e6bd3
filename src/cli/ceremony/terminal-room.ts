/**
 * The room of a ceremony at one terminal: every question names who answers it, and is answered by "yes", "no" or "exception". An
 * exception wants a name and a reason, and is on record before the question is asked again.
 */
import { readFileSync } from 'node:fs';
import { fail, HoldfastError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import type { People, Person } from '../../ceremony/people.ts';
import { peopleOf } from '../../ceremony/people.ts';
import type { Exception, Reply, Room } from '../../ceremony/proceedings.ts';
import type { Hand } from '../../ceremony/signature.ts';
import { openCards } from '../../custody/envelope.ts';
import { cardOf, type Entrusted, readCode } from '../../custody/shares.ts';
import { say } from '../report.ts';
import type { Asker } from './asker.ts';
import { openHand } from './hand.ts';

export class TerminalRoom implements Room {
  readonly #asker: Asker;
  readonly #people: People;
  /** Of signing keys, by name, as options gave them. */
  readonly #files: ReadonlyMap<string, string>;
  readonly #hands = new Map<string, Hand>();

  constructor(asker: Asker, people: People, files: ReadonlyMap<string, string>) {
    this.#asker = asker;
    this.#people = people;
    this.#files = files;
  }

  say(text: string): void {
    say(`\n${text}`);
  }

  async confirm({ name, role }: Person, statement: string): Promise<Reply> {
    const told: Exception[] = [];
    for (;;) {
      const answer = await this.#asker.ask(`\n${name} (${role}): ${statement}\n  yes, no or exception> `);
      if (answer === 'yes') return { confirmed: true, told };
      if (answer === 'no') return { confirmed: false, told };
      if (answer === 'exception') told.push(await this.#exception());
    }
  }

  async excuse(problem: string): Promise<Exception | undefined> {
    say(`\nNot as it must be: ${problem}`);
    for (;;) {
      const answer = await this.#asker.ask('  Stop here, or go on with an exception on record? stop or exception> ');
      if (answer === 'stop') return undefined;
      if (answer === 'exception') return this.#exception();
    }
  }

  async hand({ name, role }: Person): Promise<Hand> {
    const found = this.#hands.get(name) ?? (await this.#open(name, role));
    this.#hands.set(name, found);
    await this.#asker.ask(`\n${name} (${role}) signs the transcript so far. Enter> `);
    return found;
  }

  async handOver(to: Person, file: string, encrypted: boolean): Promise<Reply> {
    const what = encrypted
      ? `my cards are in ${file}, encrypted to me: I have a copy of that file`
      : `my cards are in ${file}: I have printed or copied it, and it may be removed now`;
    return this.confirm(to, what);
  }

  async cards(brought: readonly string[], needed: number, wanted: readonly Entrusted[], take: (text: string) => void): Promise<void> {
    say(`\nCards of ${needed} custodians are needed. ${brought.length === 0 ? 'None is here yet.' : `Here: ${brought.join(', ')}.`}`);
    for (;;) {
      try {
        const path = await this.#asker.ask('  A custodian gives the path of their cards, or "type" to type them> ');
        return take(path === 'type' ? await this.#typed(wanted) : await this.#fromFile(path));
      } catch (error) {
        if (!(error instanceof HoldfastError && error.code === 'malformed')) throw error;
        const found = Object.entries(error.evidence).map(([name, value]) => `, ${name}: ${value}`);
        say(`  ${error.message}${found.join('')}`);
      }
    }
  }

  async #fromFile(path: string): Promise<string> {
    const bytes = read(path);
    if (!bytes.toString('latin1').startsWith('age-encryption.org/')) return bytes.toString('utf8');
    const identity = read(await this.#asker.ask('  Path of the age identity that opens it> '));
    return openCards(bytes, new Secret(identity.toString('utf8')));
  }

  async #typed(wanted: readonly Entrusted[]): Promise<string> {
    const custodian = await this.#asker.ask('  Name of the custodian, as on the cards> ');
    const cards: string[] = [];
    for (const of of wanted) {
      const code = await this.#asker.ask(`  Code of the card for ${of.token}, ${of.pin} PIN> `, true);
      cards.push(cardOf({ ...readCode(code, of), custodian }).reveal());
    }
    return cards.join('\n');
  }

  async #exception(): Promise<Exception> {
    const everyone = (['operator', 'observer', 'custodian'] as const).flatMap((role) => peopleOf(this.#people, role));
    for (;;) {
      const name = await this.#asker.ask('    Who answers for it (name)> ');
      const by = everyone.find((person) => person.name === name);
      if (by === undefined) {
        say(`    In the room are: ${everyone.map((person) => person.name).join(', ')}`);
        continue;
      }
      const text = await this.#asker.ask('    What happened> ');
      if (text !== '') return { by, text };
    }
  }

  async #open(name: string, role: string): Promise<Hand> {
    return openHand(this.#files.get(name) ?? (await this.#asker.ask(`\n${name} (${role}): path of your signing key> `)), this.#asker);
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    return fail('malformed', `${path} cannot be read`, {}, error);
  }
}
