/**
 * A ceremony without people and devices, to find out beforehand what happens: everyone confirms, keys of people are made up,
 * every token is a SoftHSM in the folder of the rehearsal. Everything else is done by the same code, and a transcript comes of it
 * that verifies.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fail } from '../base/errors.ts';
import type { Entrusted } from '../custody/shares.ts';
import type { Person } from './people.ts';
import type { Reply, Room } from './proceedings.ts';
import { type Hand, handFromPem } from './signature.ts';

const YES: Reply = { confirmed: true, told: [] };

/** What people would say and bring, without them. */
export class RehearsalRoom implements Room {
  readonly #hands = new Map<string, Hand>();
  /** What custodians were handed, by their names. */
  readonly cardsOf = new Map<string, string>();

  say(): void {
    // Nobody is there to read it.
  }

  async confirm(): Promise<Reply> {
    return YES;
  }

  /** A rehearsal ends where the ceremony would need an exception. */
  async excuse(): Promise<undefined> {
    return undefined;
  }

  async hand({ name }: Person): Promise<Hand> {
    return this.handOf(name);
  }

  handOf(name: string): Hand {
    const found =
      this.#hands.get(name) ?? handFromPem(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    this.#hands.set(name, found);
    return found;
  }

  async handOver({ name }: Person, file: string): Promise<Reply> {
    this.cardsOf.set(name, readFileSync(file, 'utf8'));
    return YES;
  }

  async cards(brought: readonly string[], _needed: number, _wanted: readonly Entrusted[], take: (text: string) => void): Promise<void> {
    const next = [...this.cardsOf].find(([name]) => !brought.includes(name));
    take(next?.[1] ?? fail('alarm', 'nobody in the rehearsal has cards'));
  }
}

/** The same ceremony for that room: its people's keys are made up, cards are printed, tokens are SoftHSM's. */
export function rehearsed(parameters: unknown, room: RehearsalRoom): unknown {
  if (Array.isArray(parameters)) return parameters.map((one) => rehearsed(one, room));
  if (typeof parameters !== 'object' || parameters === null) return parameters;
  const all = Object.entries(parameters).filter(([member]) => member !== 'recipient');
  const named = 'name' in parameters ? String(parameters.name) : '';
  return Object.fromEntries(
    all.map(([member, value]) => {
      if (member === 'token' && named !== '' && typeof value === 'object') return [member, { softhsm: named }];
      if (member === 'key' && named !== '') return [member, room.handOf(named).key];
      return [member, rehearsed(value, room)];
    }),
  );
}
