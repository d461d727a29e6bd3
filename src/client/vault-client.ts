/**
 * The client of a vault fleet: deposits the backup key under a passcode and gets it back, on any device with a login.
 * Nothing it is told is believed unless the fleet entry's keys signed it.
 */

import { fromBase64url, fromUtf8, type Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import { activeFleet, type EntryFleet, type FleetEntry, fleetById } from '../fleet/entry.ts';
import { type Announced, cancel, type Objected, type Objector } from '../quorum/client/cancel.ts';
import { type Authority, type Deposited, deposit } from '../quorum/client/deposit.ts';
import type { Client, Owner } from '../quorum/client/effects.ts';
import { type AccountEvents, askEvents } from '../quorum/client/events.ts';
import { pushActivation, pushConfirmation } from '../quorum/client/push.ts';
import { type Recovered, recover } from '../quorum/client/recover.ts';
import { askPresence, type SlotStatus } from '../quorum/client/status.ts';
import { askWait } from '../quorum/client/wait.ts';
import type { Argon2id } from '../vault/hardening.ts';
import { DEFAULT_KDF, type KdfParameters } from '../vault/kdf.ts';
import { PASSCODE_GUESSES_MAX, type Policy } from '../vault/policy.ts';
import type { Registration } from '../vault/registration.ts';
import { accountId, type Place, slotId, type WayIn } from '../vault/slot.ts';
import { verifyP256 } from '../vault/unlock.ts';
import type { Verify } from '../wire/signed.ts';
import { type Brought, driveClient, type Session } from './drive.ts';
import { type BundleExchange, type Fetch, FleetHttp } from './fleet-http.ts';
import type { ClientKey } from './key.ts';
import type { LearnedFleet } from './learn.ts';
import type { MemoStore } from './memo.ts';
import { dealAgain, dealRegistration, dealTombstone, type Input } from './open.ts';

/** The pinned mode: whoever gave the client this entry decides which fleet it trusts. */
export interface PinnedFleet {
  readonly entry: FleetEntry;
  /** The fleet that a backup names; by default the entry's active one. */
  readonly fleet?: Id;
  /** Accept simulated tokens, which protect nothing: for development only. */
  readonly allowSimulated?: boolean;
}

/** The over-the-air mode: the fleet that it was learnt for (learn.ts). */
export interface FleetOverTheAir {
  readonly learned: LearnedFleet;
}

export type ClientOptions = (PinnedFleet | FleetOverTheAir) & SessionOptions;

export interface SessionOptions {
  /** The organisation whose account service issued the pass. */
  readonly tenant: string;
  /** A JWT that names the client key by its thumbprint. */
  readonly pass: Secret<string>;
  readonly clientKey: ClientKey;
  readonly memos: MemoStore;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly argon2id?: Argon2id;
  readonly verify?: Verify;
  /** How long one operation waits for nodes, in all: default 45 s. What was begun is saved by then, and the next one goes on with it. */
  readonly patienceMs?: number;
  /** The node to begin with, by its place in the entry; by default one by chance. */
  readonly first?: number;
}

const PATIENCE_MS = 45_000;

/** A week to object, a month until a locked key is destroyed. */
export const DEFAULT_POLICY: Policy = { guesses: PASSCODE_GUESSES_MAX, coolingOffSeconds: 7 * 86_400, graceSeconds: 30 * 86_400 };

export interface DepositOptions {
  readonly policy?: Policy;
  readonly kdf?: KdfParameters;
  /** From `recover`: its owner key approves the deposit. By default that of the secret which is deposited. */
  readonly authority?: Authority;
  /** An owner key that this device keeps (`ownerFrom`), in place of that. */
  readonly owner?: Owner;
  /** Public; saved with the deposit and given back once it stands. */
  readonly note?: string;
}

export interface RemoveOptions extends Pick<DepositOptions, 'policy' | 'authority' | 'owner'> {
  /** The fleet where the key is now: this one's operator counts by it how many have moved. */
  readonly movedTo?: Id;
}

export class VaultClient {
  readonly #session: Session;
  readonly #account: Omit<Place, 'way'>;
  readonly #verify: Verify;
  readonly #learned: LearnedFleet | undefined;
  readonly #state: EntryFleet['state'];

  constructor(options: ClientOptions) {
    const { entry, fleet: chosen } = 'learned' in options ? options.learned.trusted : chooseFleet(options);
    this.#learned = 'learned' in options ? options.learned : undefined;
    this.#state = chosen.state;
    const { issuer, subject } = claimsOf(options.pass);
    this.#account = { tenant: options.tenant, account: accountId(entry.namespace, issuer, subject) };
    this.#verify = options.verify ?? verifyP256;
    // Not everybody through the same node: it could keep all of them from the others by dropping what they guess.
    const [chance = 0] = systemRandom(1);
    const first = options.first ?? chance;
    const listed = chosen.nodes.map((node) => node.url.replace(/\/$/, ''));
    const urls = listed.map((_, i) => listed[(i + first) % listed.length] as string);
    const reach = { urls, fetch: options.fetch ?? ((url, init) => fetch(url, init)) };
    const bundle = this.#learned && exchangeOf(this.#learned);
    this.#session = {
      fleet: chosen.fleet,
      http: new FleetHttp({ ...reach, ...(bundle && { bundle }) }),
      pass: options.pass,
      clientKey: options.clientKey,
      memos: options.memos,
      clock: options.clock ?? systemClock,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      tools: { random: options.random ?? systemRandom, ...(options.argon2id && { argon2id: options.argon2id }) },
    };
  }

  get fleet(): Id {
    return this.#session.fleet.id;
  }

  slot(way: WayIn): Id {
    return slotId({ ...this.#account, way });
  }

  /** How the slot stands, as at least a quorum of nodes says. @throws `no-quorum` */
  status(way: WayIn): Promise<SlotStatus> {
    const client = this.#client(way);
    return driveClient(this.#session, client, askPresence(client), {});
  }

  /**
   * Deposits 32 bytes under the input; an unfinished deposit of this slot is finished first, as it is.
   * @throws `not-allowed` where the fleet takes no registrations any more; `untrusted-bundle` unless every check of the bundle passes
   */
  async deposit(way: WayIn, secret: Secret<Uint8Array>, input: Input, options: DepositOptions = {}): Promise<Deposited> {
    const { policy = DEFAULT_POLICY, kdf = DEFAULT_KDF, authority, owner, note } = options;
    this.requireRegistering();
    const client = this.#client(way);
    const { fleet, tools } = this.#session;
    const deal = async (generation: number) => ({
      ...(await dealRegistration(fleet, client.place, generation, { secret, input, policy, kdf }, tools)),
      ...(note !== undefined && { note }),
    });
    return driveClient(this.#session, client, deposit(client, authority, owner), { deal });
  }

  /**
   * Deals a registration of this way in anew for this fleet, under the same passcode, with the backup key and without the passcode. An
   * unfinished deposit of this slot is finished first, as it is.
   * @param old as `status` of the fleet where it stands gives it
   * @param backupKey 32 bytes
   * @throws as `deposit`; `not-allowed` when the registration was not made with this backup key
   */
  depositAgain(way: WayIn, old: Registration, backupKey: Secret<Uint8Array>, note?: string): Promise<Deposited> {
    this.requireRegistering();
    const client = this.#client(way);
    const { fleet, tools } = this.#session;
    const deal = (generation: number) => ({
      ...dealAgain(fleet, generation, old, backupKey, tools),
      ...(note !== undefined && { note }),
    });
    return driveClient(this.#session, client, deposit(client), { deal });
  }

  /** One guess. What was left unfinished is told to the fleet first. */
  async recover(way: WayIn, input: Input): Promise<Recovered> {
    await this.push(way);
    const client = this.#client(way);
    return driveClient(this.#session, client, recover(client), { input });
  }

  /** How long until the next guess is counted, in milliseconds: 0 for now, and for all that the nodes do not say. */
  wait(way: WayIn): Promise<number> {
    const client = this.#client(way);
    return this.#drive(client, askWait(client));
  }

  /** Deletes what this slot holds: at once with the account's owner key, else after the cooling-off time. */
  remove(way: WayIn, options: RemoveOptions = {}): Promise<Deposited> {
    const { policy = DEFAULT_POLICY, authority, owner, movedTo } = options;
    const client = this.#client(way);
    const { fleet, tools } = this.#session;
    const deal = (generation: number) => dealTombstone(fleet, client.place, generation, policy, tools, movedTo);
    return driveClient(this.#session, client, deposit(client, authority, owner), { deal });
  }

  /** What the nodes recorded of the whole account, guesses by others included. @throws `no-quorum` */
  events(way: WayIn): Promise<AccountEvents> {
    const client = this.#client(way);
    return this.#drive(client, askEvents(client));
  }

  /**
   * Objects to a registration that somebody announced in this slot.
   * @param announced generation and digest, as `events` tells them
   * @param by an owner key of this account, with a registration in force that names it: of any way in
   */
  cancel(way: WayIn, announced: Announced, by: Objector): Promise<Objected> {
    const client = this.#client(way);
    return this.#drive(client, cancel(client, announced, by));
  }

  /** Whether a deposit of this device was begun and is not finished. */
  async hasUnfinished(way: WayIn): Promise<boolean> {
    const { deposit: pending } = await this.#session.memos.load(this.slot(way));
    return pending !== undefined && pending.told === undefined;
  }

  /**
   * Goes on with a deposit that this device began, as it is. @returns nothing when none was begun
   * @throws `stale-generation` when it was overtaken before it was activated: begin anew
   */
  async finish(way: WayIn): Promise<Deposited | undefined> {
    if (!(await this.hasUnfinished(way))) return undefined;
    const client = this.#client(way);
    const deal = () => fail('stale-generation', 'what was begun on this device was overtaken by another registration');
    return this.#drive(client, deposit(client), { deal });
  }

  /** Sends again what was saved and not yet acknowledged. @returns whether nothing is left */
  async push(way: WayIn): Promise<boolean> {
    const client = this.#client(way);
    const confirmed = await this.#drive(client, pushConfirmation(client));
    return (await this.#drive(client, pushActivation(client))) && confirmed;
  }

  /** For who wants to know before a person is asked for anything. @throws as `deposit` */
  requireRegistering(): void {
    if (this.#state !== 'active')
      fail('not-allowed', `this fleet is ${this.#state}, and takes no registrations: move to the newer one first`, { fleet: this.fleet });
    this.#learned?.requireRegistering();
  }

  #drive<T>(client: Client, machine: Parameters<typeof driveClient<T>>[2], brought: Brought = {}): Promise<T> {
    return driveClient(this.#session, client, machine, brought);
  }

  #client(way: WayIn): Client {
    return { fleet: this.#session.fleet, place: { ...this.#account, way }, verify: this.#verify };
  }
}

function chooseFleet({ entry, fleet, allowSimulated = false }: PinnedFleet): { entry: FleetEntry; fleet: EntryFleet } {
  const tolerance = { allowSimulated };
  return { entry, fleet: fleet === undefined ? activeFleet(entry, tolerance) : fleetById(entry, fleet, tolerance) };
}

function exchangeOf(learned: LearnedFleet): BundleExchange {
  return { digest: learned.trusted.bundle.digest, hear: (text, from) => learned.hear(text, from) };
}

/** Who the pass is for. Not verified here: a wrong claim only names an account that the nodes then refuse. */
function claimsOf(pass: Secret<string>): { issuer: string; subject: string } {
  const [, payload] = pass.reveal().split('.');
  const claims: unknown = payload === undefined ? undefined : JSON.parse(fromUtf8(fromBase64url(payload)));
  if (typeof claims === 'object' && claims !== null && 'iss' in claims && 'sub' in claims) {
    const { iss, sub } = claims;
    if (typeof iss === 'string' && typeof sub === 'string') return { issuer: iss, subject: sub };
  }
  return fail('pass-refused', 'the pass is not a JWT with issuer and subject');
}
