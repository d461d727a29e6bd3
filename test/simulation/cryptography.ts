/**
 * Cryptography that cannot be broken inside the simulation, because nobody there can reach its secrets: a signature is a
 * hash over a secret that only its owner's closure holds, and an answer of the fleet is a hash that only a share holder's
 * token can make. Cheap, deterministic, and the machines cannot tell.
 */
import { hash as sha256 } from 'node:crypto';
import { type Id, toHex, utf8 } from '../../src/base/bytes.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import type { Answer, Opening } from '../../src/quorum/client/effects.ts';
import type { Policy } from '../../src/vault/policy.ts';
import { encodeCore, encodeRegistration, parseRegistration, type Registration } from '../../src/vault/registration.ts';
import type { Place } from '../../src/vault/slot.ts';
import { keyId, type Sign, type Verify } from '../../src/wire/signed.ts';

const digestOf = (...parts: (Uint8Array | string)[]): Buffer =>
  sha256('sha256', Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))), 'buffer');
const point = (...parts: (Uint8Array | string)[]): Uint8Array => Uint8Array.of(2, ...digestOf(...parts));

export interface SigningKey {
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  readonly id: Id;
  readonly sign: Sign;
}

export class Keys {
  readonly #secrets = new Map<string, Buffer>();

  make(label: string): SigningKey {
    const publicKey = point('public', label);
    const secret = digestOf('private', label);
    this.#secrets.set(toHex(publicKey), secret);
    return { publicKey, id: keyId(publicKey), sign: (bytes) => signature(secret, bytes) };
  }

  readonly verify: Verify = (publicKey, bytes, given) => {
    const secret = this.#secrets.get(toHex(publicKey));
    return secret !== undefined && signature(secret, bytes).equals(given);
  };
}

function signature(secret: Buffer, bytes: Uint8Array): Buffer {
  const tag = digestOf(secret, bytes);
  return Buffer.concat([tag, tag]);
}

/** What one registration hides. Known to the simulator; of the persons only to who dealt it. */
export interface Deal {
  /** For the story: 'owner 2'. */
  readonly name: string;
  readonly by: string;
  readonly device: string;
  readonly registration: Registration;
  readonly passcode: string;
  readonly secret: Uint8Array;
  readonly unlock: SigningKey;
  /** Of the backup key: the same in all deals of one person. */
  readonly owner: SigningKey;
  readonly seed: string;
  readonly tombstone: boolean;
  /** It carries the allowance of the registration that it replaces. */
  readonly authorised: boolean;
}

export interface DealOrder {
  readonly by: string;
  readonly device: string;
  readonly place: Place;
  readonly generation: number;
  readonly passcode: string;
  readonly tombstone: boolean;
  readonly policy: Policy;
  readonly authorised: boolean;
}

export class Vault {
  readonly #fleet: Fleet;
  readonly #keys: Keys;
  readonly #deals = new Map<Id, Deal>();
  readonly #passcodes = new Map<string, string>();

  constructor(fleet: Fleet, keys: Keys) {
    this.#fleet = fleet;
    this.#keys = keys;
  }

  deal({ by, device, place, generation, passcode, tombstone, policy, authorised }: DealOrder): Deal {
    const name = `${by}'s ${this.#deals.size + 1}`;
    const seed = `deal ${name}`;
    const unlock = this.#keys.make(`unlock ${seed}`);
    const owner = this.#keys.make(`owner ${by}`);
    const { nodes } = this.#fleet;
    const core = encodeCore({
      fleet: this.#fleet.id,
      place,
      generation,
      tombstone,
      unlockKey: unlock.publicKey,
      ownerKey: tombstone ? utf8('') : owner.publicKey,
      policy,
      kdf: {
        kind: tombstone || place.way.kind === 'recovery-code' ? 'none' : 'argon2id',
        memoryKiB: 65_536,
        passes: 3,
        parallelism: 1,
        salt: digestOf(seed).subarray(0, 16),
      },
      publicShares: tombstone ? [] : nodes.map((_, i) => point('share', seed, String(i))),
      secret: tombstone ? utf8('') : new Uint8Array(80),
      kept: tombstone ? utf8('') : new Uint8Array(96),
      credential: utf8(''),
    });
    const wrapped = (i: number) => Buffer.concat(Array(5).fill(digestOf('wrapped', seed, String(i)))).subarray(0, 152);
    const shares = tombstone ? [] : nodes.map((_, i) => ({ ephemeralKey: point('ephemeral', seed, String(i)), wrapped: wrapped(i) }));
    const registration = parseRegistration(encodeRegistration(core, shares), this.#fleet);
    const secret = digestOf('secret', seed);
    const made = { name, by, device, registration, passcode, secret, unlock, owner, seed, tombstone, authorised };
    this.#deals.set(registration.digest, made);
    return made;
  }

  dealOf(digest: Id): Deal | undefined {
    return this.#deals.get(digest);
  }

  nameOf(digest: Id): string {
    return this.#deals.get(digest)?.name ?? `unknown ${digest.slice(0, 8)}`;
  }

  /** In a token: whether the share at this position opens. The digest binds the sealed bytes, so a known one is as it was dealt. */
  opens({ digest, shares }: Registration, position: number): boolean {
    const share = shares[position];
    return this.#deals.has(digest) && share !== undefined && !('hash' in share);
  }

  /** In a token: the element times the share. */
  evaluate(digest: Id, position: number, element: Uint8Array): Uint8Array {
    return point('answer', this.#deals.get(digest)?.seed ?? '', String(position), element);
  }

  blind(passcode: string, blind: Uint8Array): Uint8Array {
    const element = point('element', passcode, blind);
    this.#passcodes.set(toHex(element), passcode);
    return element;
  }

  passcodeOf(element: Uint8Array): string | undefined {
    return this.#passcodes.get(toHex(element));
  }

  /** As src/client/open.ts: each answer proves itself, and t right ones open. */
  open(registration: Registration, element: Uint8Array, answers: readonly Answer[]): Opening {
    const deal = this.#deals.get(registration.digest);
    const right = (one: Answer) => toHex(one.evaluated) === toHex(this.evaluate(registration.digest, one.index - 1, element));
    const liars = answers.filter((one) => !right(one)).map((one) => one.index);
    const sure = answers.length - liars.length >= this.#fleet.threshold;
    const knows = deal !== undefined && this.passcodeOf(element) === deal.passcode;
    if (!sure || !knows) return { sure, liars };
    return { opened: { sign: deal.unlock.sign, secret: deal.secret, owner: deal.owner }, sure, liars };
  }
}
