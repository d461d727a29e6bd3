/** What the fleet says of a slot, and how the client takes numbers from it. */
import { equalBytes, type Id, NO_ID } from '../../base/bytes.ts';
import { fail, HoldfastError } from '../../base/errors.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Registration } from '../../vault/registration.ts';
import { slotId } from '../../vault/slot.ts';
import type { Message, MessageType } from '../../wire/message.ts';
import type { Signed } from '../../wire/signed.ts';
import { readLock } from '../member/lock.ts';
import { readStanding } from '../member/standing.ts';
import { mayLie, readOfNode } from '../quorum-certificate.ts';
import { act, type Client, type ClientMachine, type Heard } from './effects.ts';

/** `as`: the node's statement as it was signed. */
export type Status = Message<'node/status'> & { readonly as: Signed };

export interface SlotStatus {
  readonly reports: readonly Status[];
  /** In force, proven by a quorum's votes and the depositor's activation. */
  readonly registration?: Registration;
  /** A lock's certificate of that registration was shown: its guesses are used up for good. */
  readonly locked: boolean;
}

/**
 * Statements that verify, one of each node; a node that says anything else counts as silent. (Attack: a coordinator repeats one
 * node's statement until it looks like a quorum's, and the client takes for stored, told or used up what one node says.)
 */
export function readHeard<T extends MessageType>(client: Client, type: T, said: Heard['said']): (Message<T> & { readonly as: Signed })[] {
  const heard = new Map<Id, Message<T> & { readonly as: Signed }>();
  for (const { node, signed } of said) {
    try {
      const message = readOfNode(type, signed, client.fleet, client.verify);
      if (message.signer === node && !heard.has(node)) heard.set(node, { ...message, as: signed });
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
    }
  }
  return [...heard.values()];
}

/**
 * One more than the highest number that cannot have been made up: at most n-q nodes may lie, so the (n-q+1)-th largest
 * report is at most what an honest node says. With reports of all n nodes it is also at least what q nodes allow; with
 * fewer it may be refused, and the next status is higher. (Attack: one inflated report uses up all numbers of an account.)
 */
export function nextNumber(reports: readonly number[], fleet: Fleet): number {
  return (descending(reports)[mayLie(fleet)] ?? 0) + 1;
}

/**
 * The next number where members follow a client over a step of this size: above every report, as far as q members follow. (Attack:
 * votes are spread until members have no number in common that is next for all.) A liar's report can make it a step too large.
 */
export function nextWithin(step: number, reports: readonly number[], fleet: Fleet): number {
  const [highest = 0] = descending(reports);
  const followed = (descending(reports)[fleet.quorum - 1] ?? 0) + step;
  return Math.max(Math.min(highest + 1, followed), 1);
}

function descending(reports: readonly number[]): readonly number[] {
  return [...reports].sort((a, b) => b - a);
}

/** @throws `no-quorum` */
export function* askStatus(client: Client): ClientMachine<SlotStatus> {
  const slot = slotId(client.place);
  let best: SlotStatus | undefined;
  for (let turns = 0; turns < client.fleet.nodes.length; turns += 1) {
    const { request, nonce } = yield* act('request', { operation: 'status', slot, generation: 0, digest: NO_ID, attempt: 0, body: NO_ID });
    const { said, standing, lock } = yield* act('call', { call: { op: 'status', request } });
    // The nonce makes an old status useless to whoever replays it.
    const reports = readHeard(client, 'node/status', said).filter((one) => one.slot === slot && equalBytes(one.nonce, nonce));
    if (reports.length >= client.fleet.quorum) {
      const registration = standing && readProven(client, standing, slot);
      const proven = registration?.generation ?? 0;
      if (best === undefined || proven > (best.registration?.generation ?? 0)) {
        best = { reports, ...(registration && { registration }), locked: false };
      }
      if (best.registration === registration && registration !== undefined && isLocked(client, registration, reports, lock)) {
        best = { ...best, locked: true };
      }
      // The node that carried the messages may itself be behind what honest nodes report: then ask through another.
      if (generationSaid(client, reports) <= proven) return best;
    }
    yield* act('turn', {});
  }
  return best ?? fail('no-quorum', `fewer than ${client.fleet.quorum} nodes say how this account stands`);
}

function generationSaid({ fleet }: Client, reports: readonly Status[]): number {
  const generations = reports.map((one) => one.generation);
  return nextNumber(generations, fleet) - 1;
}

/**
 * As `askStatus`, for whoever acts on there being nothing. (Attack: coordinators leave out the registration that members say is
 * in force; the owner, told that there is none, gives it up.)
 * @throws also `no-quorum` when nothing, or a deletion, is shown where members say that a later generation is in force
 */
export function* askPresence(client: Client): ClientMachine<SlotStatus> {
  const status = yield* askStatus(client);
  const { registration, reports } = status;
  const nothing = registration === undefined || registration.core.tombstone;
  if (nothing && generationSaid(client, reports) > (registration?.generation ?? 0)) {
    return fail('no-quorum', 'the nodes say that something is registered here, and none shows it: ask again later');
  }
  return status;
}

/** Locked is what a lock's certificate says. (Attack: counters of some nodes make an owner give up a key that ten guesses are left for.) */
function isLocked(
  client: Client,
  { slot, generation, digest }: Registration,
  reports: readonly Status[],
  lock: readonly Signed[] | undefined,
): boolean {
  try {
    if (lock === undefined) return false;
    const of = readLock(client, lock);
    if (of.slot !== slot || of.generation !== generation || of.digest !== digest) return false;
    // More members than may lie know of a later success: then a liar completed the statement of one that stated a lock alone.
    const later = reports.filter((one) => one.generation === generation && one.digest === digest && one.cleared > of.cleared);
    return later.length <= mayLie(client.fleet);
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'alarm') return false;
    throw error;
  }
}

function readProven(client: Client, standing: NonNullable<Heard['standing']>, slot: Id): Registration | undefined {
  try {
    const registration = readStanding(client, standing);
    return registration.slot === slot ? registration : undefined;
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'alarm') return undefined;
    throw error;
  }
}

/**
 * What is known already must not be lost because nobody answers any more, or nobody takes the pass. (It runs out while Argon2id works on
 * a slow phone; whoever is then not told that the passcode was wrong makes the same guess again.)
 */
export function* ifAnswered<T>(machine: ClientMachine<T>): ClientMachine<T | undefined> {
  try {
    return yield* machine;
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'alarm') return undefined;
    throw error;
  }
}
