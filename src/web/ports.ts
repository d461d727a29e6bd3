/**
 * What the listeners need of the vault behind them. Called by the public and the peer listener; implemented by
 * node/service.ts, so that this room knows HTTP and nothing else.
 *
 * The listener checks the pass and makes the `Caller` from it: at the peer listener too, from the pass that travels with the
 * ask, because a member believes no coordinator. Everything else is checked behind this port.
 *
 * Errors by code (base/errors.ts) reject; a `Refusal` is a value and is sent as one. Nothing here ever takes longer than the
 * limits of the configuration.
 */
import type { Candidate } from '../api/publication.ts';
import type { Id } from '../base/bytes.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Ask, Authorised, Refusal, Reply } from '../quorum/ask.ts';
import type { AttemptOutcome } from '../quorum/coordinator/attempt.ts';
import type { Gathered } from '../quorum/coordinator/conversation.ts';
import type { EventsReply } from '../quorum/member/events.ts';
import type { Question } from '../quorum/member/member.ts';
import type { Cancelled, ChangePage, Confirmed, Proof, Standing } from '../quorum/record.ts';
import type { Place } from '../vault/slot.ts';
import type { Signed } from '../wire/signed.ts';

/** What a member has of a slot that has a registration in force. */
export interface Holding {
  readonly slot: Id;
  /** In force. */
  readonly generation: number;
  /** `missing`: its share did not open here, or never came. `erased`: after a lock. `deleted`, `moved` to another fleet: there is none any more. */
  readonly share: 'held' | 'missing' | 'erased' | 'deleted' | 'moved';
}

export interface InventoryPage {
  /** Ascending by slot. */
  readonly holdings: readonly Holding[];
  /** Go on after this one; nothing at the end. */
  readonly next?: Id;
}

/** How many slots have how many shares: numbers only, in which nobody can find an account. */
export interface ShareCounts {
  readonly nodes: number;
  readonly threshold: number;
  /** Slots with that many shares: index 0 to all nodes. */
  readonly slots: readonly number[];
  /** Locked, and their shares erased. */
  readonly erased: number;
  readonly deleted: number;
  /** Their owners have taken them to another fleet. */
  readonly moved: number;
  /** Nodes whose inventory could not be read: their shares are not counted. */
  readonly silent: readonly Id[];
}

/** What other members ask of this one. */
export interface MemberPort {
  ask(ask: Question): Promise<Reply>;
  /** True once the objection stands here. */
  cancel(place: Place, cancelled: Cancelled): Promise<true | Refusal>;
  events(ask: Authorised): Promise<EventsReply>;
  /** Learns what proves itself. @throws what does not verify: then nothing of that part changed */
  teach(proof: Proof): Promise<void>;
  /** Nothing when this member knows nothing of the slot. */
  proofOf(slot: Id): Promise<Proof | undefined>;
  /** @param after a cursor; 0 for the start */
  changes(after: number, limit: number): Promise<ChangePage>;
  /** In the order of the slots. @param after nothing for the start */
  inventory(after: Id | undefined, limit: number): Promise<InventoryPage>;
}

/**
 * The other members, as this node reaches them over their peer listeners. Rejects with a `HoldfastError` of the code that the
 * member answered; with any other error when it could not be reached. Asks of an aborted signal reject soon.
 */
export interface PeersPort {
  at(node: Id, signal: AbortSignal): MemberPort;
}

export interface StatusOutcome extends Gathered {
  /** The registration in force at this node, with its proof: the client checks it, and compares it with what the members say. */
  readonly standing?: Standing;
  /** Its lock's certificate, where this node has one. */
  readonly lock?: readonly Signed[];
}

export interface CancelOutcome {
  /** The members at which the objection stands. */
  readonly stands: readonly Id[];
  readonly refused: Gathered['refused'];
}

export interface EventsOutcome {
  readonly told: readonly ({ readonly node: Id } & EventsReply)[];
  readonly refused: Gathered['refused'];
}

type Carried<Op extends Ask['op']> = Omit<Extract<Ask, { op: Op }>, 'op'>;

/** What clients ask of this node as their coordinator. Fewer than a quorum is an outcome, not an error: the client counts. */
export interface CoordinatorPort {
  status(ask: Carried<'status'>): Promise<StatusOutcome>;
  register(ask: Carried<'register-vote'>): Promise<Gathered>;
  /** @param place as the pass names it. @throws `pass-refused` when the registration is of another */
  activate(standing: Standing, place: Place): Promise<Gathered>;
  attempt(ask: Carried<'attempt-vote'>): Promise<AttemptOutcome>;
  /** As `activate`. */
  confirm(confirmed: Confirmed, place: Place): Promise<Gathered>;
  cancel(place: Place, cancelled: Cancelled): Promise<CancelOutcome>;
  events(ask: Authorised): Promise<EventsOutcome>;
  wait(ask: Authorised): Promise<Gathered>;
}

export interface Health {
  /** `starting` until it is known whether the token was rolled back (quorum/member/rollback.ts). */
  readonly standing: 'voting' | 'starting' | 'quarantined';
  /** The token's last durable commit sequence. */
  readonly sequence: bigint;
  /** The token takes slots that it does not know yet. */
  readonly hasRoom: boolean;
  /** Of the code that runs here; zeros when it was started from source (node/code.ts). */
  readonly measurement: Id;
  readonly peers: readonly {
    readonly node: Id;
    /** Milliseconds since 1970 of its last answer to this node; nothing when it never answered since the start. */
    readonly heardMs?: number;
    /** How many changes of it this node has still to learn, as of the last poll. */
    readonly behind?: number;
    /** What it said at its last start to run; nothing when this node did not hear it. */
    readonly measurement?: Id;
  }[];
  /** Calls that wait for a slot at this moment. */
  readonly waiting: number;
  readonly slots: number;
  /** Slots that wait for a lock's certificate or for the end of its grace time. */
  readonly due: number;
}

export interface VaultPort {
  readonly fleet: Fleet;
  readonly self: Id;
  readonly member: MemberPort;
  readonly clients: CoordinatorPort;
  health(): Promise<Health>;
  /** Asks every member, itself included. */
  shares(): Promise<ShareCounts>;
}

export interface ServedBundle {
  readonly text: string;
  /** SHA-256 of the text. */
  readonly digest: Id;
}

/** The fleet's keys over the air, as this node serves them and speaks for itself (node/publication.ts). */
export interface PublicationPort {
  /** Nothing where none was published, and in a fleet without transparency. */
  readonly served: ServedBundle | undefined;
  /**
   * Checks a bundle as if a stranger had sent it; when it is newer than the one served, it is served once it is durable.
   * @returns whether it was taken; false for the one that is served already
   * @throws what does not verify; `superseded` for an older one
   */
  offer(text: string): Promise<boolean>;
  /** Signs an entry that the release keys signed and that tells the truth about this node. @throws `untrue-entry` naming what is not so */
  signEntry(candidate: Candidate): Promise<Signed>;
  /** What this node runs and serves. @param nonce 32 bytes */
  live(nonce: Uint8Array): Promise<Signed>;
}
