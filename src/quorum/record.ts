/**
 * What a member's store keeps of one slot. The store is never trusted: generation and counters are the token's, and what
 * the record says counts only where it agrees with them and its signatures verify (a disk rolled back is then just a
 * member that has to catch up).
 */
import type { Id } from '../base/bytes.ts';
import type { Place } from '../vault/slot.ts';
import type { Signed } from '../wire/signed.ts';

/** A registration with what proves to anyone that it is in force: votes of a quorum, and the depositor's activation. */
export interface Standing {
  /** An encoded registration (vault/registration.ts). */
  readonly registration: Uint8Array;
  readonly votes: readonly Signed[];
  readonly activation: Signed;
}

/** An attempt that a quorum counted: `votes` are node/attempt-vote. */
export interface Certified {
  readonly votes: readonly Signed[];
}

export interface Confirmed extends Certified {
  readonly confirm: Signed;
  /** node/confirmation-ack of a quorum, where a member stated a lock alone: they unlock it. */
  readonly acks?: readonly Signed[];
}

/** A replacement without the old unlock key, waiting; `since` is this member's own time, in milliseconds since 1970. */
export interface Announcement {
  readonly digest: Id;
  readonly generation: number;
  readonly since: number;
}

/** The owner's objection to an announced registration, signed by the unlock key in force at `by`, a way in of the same account. */
export interface Cancelled {
  readonly by: Place;
  readonly cancel: Signed;
}

/** All that others need to know of a slot, each part proving itself: what catch-up sends. */
export interface Proof {
  readonly standing?: Standing;
  readonly attempt?: Certified;
  readonly confirmation?: Confirmed;
  /** node/lock-statement of a quorum. */
  readonly lock?: readonly Signed[];
  readonly cancels?: readonly Cancelled[];
}

/** One slot's latest proof; a slot that changed again stands at its later cursor only. */
export interface Change {
  /** A safe integer above 0, rising with every change at this member. */
  readonly cursor: number;
  readonly slot: Id;
  readonly proof: Proof;
}

export interface ChangePage {
  /** Ascending by cursor. */
  readonly changes: readonly Change[];
  /** Go on after this one. */
  readonly next: number;
  /** The latest cursor there is. One below the reader's own means an older store: the reader starts again from 0. */
  readonly head: number;
}

/** Ascending by slot, so that inventories of several members are compared side by side without holding any of them whole. */
export interface RecordPage {
  readonly records: readonly { readonly slot: Id; readonly record: SlotRecord }[];
  /** Go on after this one; nothing at the end. */
  readonly next?: Id;
}

export interface SlotRecord extends Proof {
  readonly place: Place;
  /** This member's own statements, kept because none is ever signed twice. */
  readonly registerVote?: Signed;
  readonly attemptVote?: Signed;
  readonly activationAck?: Signed;
  readonly lockStatement?: Signed;
  /** When this member first held the lock's certificate; the grace time runs from here. */
  readonly lockSince?: number;
  /** The shares are gone, by a lock's certificate after its grace time. */
  readonly erased?: boolean;
  readonly announcements?: readonly Announcement[];
}

/** A statement by which a member shows that its token was at this sequence (member/memory.ts). */
export interface Evidence {
  /** Under what it is kept: the id of the member, or that of its starts. */
  readonly node: Id;
  readonly signer: Id;
  readonly sequence: bigint;
  readonly kind: 'vote' | 'start';
  readonly by: Signed;
}

export type EventKind = 'registered' | 'replaced' | 'deleted' | 'guess' | 'success' | 'locked' | 'erased' | 'announced' | 'cancelled';

/** One line of the account's event feed, as this member saw it. */
export interface AccountEvent {
  readonly account: Id;
  readonly slot: Id;
  readonly kind: EventKind;
  readonly generation: number;
  /** Of the registration concerned: what the owner of an announced one needs to object to it. */
  readonly digest: Id;
  readonly attempt: number;
  /** Milliseconds since 1970, this member's clock. */
  readonly time: number;
}
