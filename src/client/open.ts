/**
 * The client's cryptography around the protocol machines: dealing a registration, blinding a passcode, opening what the
 * fleet's answers yield. Runs in browsers and in Node.
 */

import { equalBytes, type Id, idToBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { addCheck, verifiedAnswer } from '../oprf/checked.ts';
import { blind, evaluate, finalize, reblind } from '../oprf/oprf.ts';
import { combineElements, type Piece } from '../oprf/sharing.ts';
import type { Answer, Dealt, Opened, Opening, Owner } from '../quorum/client/effects.ts';
import { type Dealt as DealtKey, deal, sealAll } from '../vault/deal.ts';
import { type Argon2id, harden, SALT_BYTES, type WayInKeys } from '../vault/hardening.ts';
import type { KdfParameters } from '../vault/kdf.ts';
import { openKept, sealKept } from '../vault/kept.ts';
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

/**
 * The same registration for another fleet, or with new shares for this one: under the same passcode, dealt without it.
 * @param backupKey 32 bytes: opens what the registration keeps
 * @throws `not-allowed` when it keeps nothing that this key opens, or not what it says
 */
export function dealAgain(
  fleet: Fleet,
  generation: number,
  { core: old, slot }: Registration,
  backupKey: Secret<Uint8Array>,
  { random }: Tools,
): Dealt {
  const { place, unlockKey, secret, kdf } = old;
  const kept = openKept(backupKey, { slot, unlockKey, salt: kdf.salt, secret }, old.kept);
  if (kept === undefined || !equalBytes(publicKeyOf(kept.unlock), unlockKey))
    return fail('not-allowed', 'this registration was not made with this backup key: bring the passcode');
  const owner = ownerOf(backupKey);
  const sealingKeys = fleet.nodes.map((node) => node.sealingKey);
  const dealt = deal(fleet.threshold, sealingKeys, random, kept.oprfKey);
  const { publicShares } = dealt;
  const core = encodeCore({ ...old, fleet: fleet.id, place, generation, ownerKey: owner.publicKey, publicShares });
  return { registration: sealShares(fleet, dealt, core, random), sign: (bytes) => signWithUnlock(kept.unlock, bytes), owner };
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
export function ownerOf(backupKey: Secret<Uint8Array>): Owner {
  return ownerFrom(ownerScalar(backupKey));
}

/** The owner key of its scalar, 32 bytes. */
export function ownerFrom(scalar: Secret<Uint8Array>): Owner {
  return { publicKey: publicKeyOf(scalar), sign: (bytes) => signWithUnlock(scalar, bytes) };
}

/** A deletion: a registration of nothing, whose unlock key is made for it and forgotten. @param movedTo the fleet where the key is now */
export function dealTombstone(fleet: Fleet, place: Place, generation: number, policy: Policy, { random }: Tools, movedTo?: Id): Dealt {
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
    credential: movedTo === undefined ? new Uint8Array() : idToBytes(movedTo),
  });
  return { registration: encodeRegistration(core, []), sign: (bytes) => signWithUnlock(scalar, bytes) };
}

/** @param again the blind of a guess that is repeated: the same bytes come out @returns the element with its check, 162 bytes */
export function blindInput(input: Input, random: Random, again?: Uint8Array): { blind: Uint8Array; element: Uint8Array } {
  const made = again === undefined ? blind(input, random) : { blind: new Secret(again), element: reblind(input, new Secret(again)) };
  return { blind: made.blind.reveal(), element: addCheck(made.element, made.blind) };
}

/** Opens the secret with any t right answers: each proves itself, so those that are wrong name their nodes. */
export async function openRegistration(
  fleet: Fleet,
  registration: Registration,
  input: Input,
  blinding: Uint8Array,
  answers: readonly Answer[],
  tools: Tools,
): Promise<Opening> {
  const right: Piece[] = [];
  const liars: number[] = [];
  for (const { index, evaluated } of answers) {
    const publicShare = registration.core.publicShares[index - 1] ?? fail('alarm', 'an answer of no node');
    const element = verifiedAnswer(new Secret(blinding), publicShare, evaluated);
    if (element === undefined) liars.push(index);
    else right.push({ index, element });
  }
  if (right.length < fleet.threshold) return { sure: false, liars };
  const opened = await tryElement(registration, input, blinding, combineElements(right.slice(0, fleet.threshold)), tools);
  return { ...(opened && { opened }), sure: true, liars };
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

function signerOf({ unlock }: WayInKeys): Opened['sign'] {
  return (bytes) => signWithUnlock(unlock.scalar, bytes);
}

function flatten(kdf: KdfParameters): Omit<Core['kdf'], 'salt'> {
  return kdf.kind === 'none' ? { kind: 'none', memoryKiB: 0, passes: 0, parallelism: 0 } : kdf;
}
