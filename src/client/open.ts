/**
 * The client's cryptography around the protocol machines: dealing a registration, blinding a passcode, opening what the
 * fleet's answers yield. Runs in browsers and in Node.
 */

import { fail, HoldfastError } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { blind, evaluate, finalize, reblind } from '../oprf/oprf.ts';
import { decodePoint } from '../oprf/point.ts';
import { combineElements } from '../oprf/sharing.ts';
import type { Answer, Dealt, Opened, Opening, Owner } from '../quorum/client/effects.ts';
import { type Dealt as DealtKey, deal, sealAll } from '../vault/deal.ts';
import { type Argon2id, harden, SALT_BYTES, type WayInKeys } from '../vault/hardening.ts';
import type { KdfParameters } from '../vault/kdf.ts';
import { sealKept } from '../vault/kept.ts';
import { ownerScalar } from '../vault/owner-key.ts';
import type { Policy } from '../vault/policy.ts';
import { type Core, encodeCore, encodeRegistration, type Registration, shareContext } from '../vault/registration.ts';
import { openSecret, sealSecret } from '../vault/secretbox.ts';
import { type Place, slotId } from '../vault/slot.ts';
import { publicKeyOf, signWithUnlock } from '../vault/unlock.ts';

/** What the person knows: the passcode or recovery code, as the OPRF takes it. */
export type Input = Secret<Uint8Array>;

export interface Tools {
  readonly random: Random;
  /** A faster Argon2id than JavaScript's, where there is one. */
  readonly argon2id?: Argon2id;
}

export interface Deposit {
  /** 32 bytes: the backup key. */
  readonly secret: Secret<Uint8Array>;
  readonly input: Input;
  readonly policy: Policy;
  readonly kdf: KdfParameters;
}

/** A registration of the secret under the input, with its unlock key. */
export async function dealRegistration(fleet: Fleet, place: Place, generation: number, deposit: Deposit, tools: Tools): Promise<Dealt> {
  const { random } = tools;
  const dealt = deal(
    fleet.threshold,
    fleet.nodes.map((node) => node.sealingKey),
    random,
  );
  // The client holds the whole OPRF key at this moment, and so can compute the output without the fleet.
  const { blind: blinding, element } = blind(deposit.input, random);
  const output = finalize(deposit.input, blinding, evaluate(dealt.key, element));
  const salt = random(SALT_BYTES);
  const keys = await harden(output, salt, deposit.kdf, tools.argon2id);
  const owner = ownerOf(deposit.secret);
  const secret = sealSecret(keys, deposit.secret);
  const unlockKey = keys.unlock.publicKey;
  const keptFor = { slot: slotId(place), unlockKey, salt, secret };
  const core = encodeCore({
    fleet: fleet.id,
    place,
    generation,
    tombstone: false,
    unlockKey,
    ownerKey: owner.publicKey,
    policy: deposit.policy,
    kdf: { ...flatten(deposit.kdf), salt },
    publicShares: dealt.publicShares,
    secret,
    kept: sealKept(deposit.secret, keptFor, { oprfKey: dealt.key, unlock: keys.unlock.scalar }, random),
    credential: new Uint8Array(),
  });
  return { registration: sealShares(fleet, dealt, core, random), sign: signerOf(keys), owner };
}

/** Seals the shares to the nodes of the fleet. */
function sealShares(fleet: Fleet, dealt: DealtKey, core: Uint8Array, random: Random): Uint8Array {
  const contextOf = (position: number, ephemeralKey: Uint8Array) => {
    const node = fleet.nodes[position] ?? fail('alarm', 'a share for no node');
    return shareContext(fleet, node, ephemeralKey, core);
  };
  return encodeRegistration(core, sealAll(dealt, contextOf, random));
}

/** The owner key of a backup key, 32 bytes. */
function ownerOf(backupKey: Secret<Uint8Array>): Owner {
  return ownerFrom(ownerScalar(backupKey));
}

/** The owner key of its scalar, 32 bytes. */
export function ownerFrom(scalar: Secret<Uint8Array>): Owner {
  return { publicKey: publicKeyOf(scalar), sign: (bytes) => signWithUnlock(scalar, bytes) };
}

/** A deletion: a registration of nothing, whose unlock key is made for it and forgotten. */
export function dealTombstone(fleet: Fleet, place: Place, generation: number, policy: Policy, { random }: Tools): Dealt {
  const scalar = new Secret(random(32));
  const core = encodeCore({
    fleet: fleet.id,
    place,
    generation,
    tombstone: true,
    unlockKey: publicKeyOf(scalar),
    ownerKey: new Uint8Array(),
    policy,
    kdf: { ...flatten({ kind: 'none' }), salt: new Uint8Array() },
    publicShares: [],
    secret: new Uint8Array(),
    kept: new Uint8Array(),
    credential: new Uint8Array(),
  });
  return { registration: encodeRegistration(core, []), sign: (bytes) => signWithUnlock(scalar, bytes) };
}

export function blindInput(input: Input, random: Random, again?: Uint8Array): { blind: Uint8Array; element: Uint8Array } {
  if (again !== undefined) return { blind: again, element: reblind(input, new Secret(again)) };
  const made = blind(input, random);
  return { blind: made.blind.reveal(), element: made.element };
}

/**
 * Tries to open the secret with the fleet's answers. Answers that disagree are sorted out on points alone where their
 * number allows it, before Argon2id; where it does not, or what was sorted out does not open, every subset of t is tried, and the
 * commitment decides.
 */
export async function openRegistration(
  fleet: Fleet,
  registration: Registration,
  input: Input,
  blinding: Uint8Array,
  answers: readonly Answer[],
  tools: Tools,
): Promise<Opening> {
  const t = fleet.threshold;
  const { points, broken } = sortOut(answers);
  if (points.length < t) return { sure: false, liars: broken };
  const combined = combineElements(points, t);
  const one = combined.kind === 'combined' ? combined : undefined;
  const opened = one && (await tryElement(registration, input, blinding, one.element, tools));
  const liars = [...broken, ...(one?.liars ?? [])];
  // With exactly t points any one of them may be wrong, and nothing shows it.
  if (one !== undefined && (opened !== undefined || one.liars.length === 0)) {
    return { ...(opened && { opened }), sure: points.length > t, liars };
  }
  // Attack: two liars who see what others answer put their own on a polynomial with those, and who is outvoted is honest.
  for (const subset of subsets(points, t)) {
    if (one !== undefined && subset.every(({ index }) => !one.liars.includes(index))) continue;
    const candidate = combineElements(subset, t);
    if (candidate.kind !== 'combined') continue;
    const found = await tryElement(registration, input, blinding, candidate.element, tools);
    if (found === undefined) continue;
    const honest = new Set(subset.map(({ index }) => index));
    return { opened: found, sure: true, liars: [...broken, ...points.map(({ index }) => index).filter((index) => !honest.has(index))] };
  }
  return { sure: one !== undefined, liars };
}

async function tryElement(
  { core }: Registration,
  input: Input,
  blinding: Uint8Array,
  element: Uint8Array,
  tools: Tools,
): Promise<Opened | undefined> {
  const keys = await harden(finalize(input, new Secret(blinding), element), core.kdf.salt, core.kdf, tools.argon2id);
  const secret = openSecret(keys, core.secret);
  return secret && { secret: secret.reveal(), sign: signerOf(keys), owner: ownerOf(secret) };
}

/** An answer that is not even a point names its node. */
function sortOut(answers: readonly Answer[]): { points: Answer[]; broken: number[] } {
  const points: Answer[] = [];
  const broken: number[] = [];
  for (const answer of answers) {
    try {
      decodePoint(answer.element);
      points.push(answer);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      broken.push(answer.index);
    }
  }
  return { points, broken };
}

function* subsets<T>(of: readonly T[], size: number): Generator<T[]> {
  if (size === 0) yield [];
  else
    for (const [i, first] of of.entries()) {
      for (const rest of subsets(of.slice(i + 1), size - 1)) yield [first, ...rest];
    }
}

function signerOf({ unlock }: WayInKeys): Opened['sign'] {
  return (bytes) => signWithUnlock(unlock.scalar, bytes);
}

function flatten(kdf: KdfParameters): Omit<Core['kdf'], 'salt'> {
  return kdf.kind === 'none' ? { kind: 'none', memoryKiB: 0, passes: 0, parallelism: 0 } : kdf;
}
