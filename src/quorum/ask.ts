/**
 * What a member can be asked, and what it says. A refusal is an expected answer, a value; data that does not verify is
 * thrown as an error. A refusal has changed nothing.
 */
import type { Id } from '../base/bytes.ts';
import type { Code, Evidence } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Registration } from '../vault/registration.ts';
import type { Place } from '../vault/slot.ts';
import type { Signed, Verify } from '../wire/signed.ts';
import type { Cancelled, Confirmed, Standing } from './record.ts';

/** Who asks, as the pass proves it. The machine checks the request's signature under the key that the pass names. */
export interface Caller {
  readonly place: Place;
  /** 33 bytes, compressed; its thumbprint stands in the pass (`cnf.jkt`). */
  readonly clientKey: Uint8Array;
  /** RFC 7638 thumbprint of the client key. */
  readonly clientKeyId: Id;
  /** The pass itself: every member checks it for itself. */
  readonly pass: Secret<string>;
}

/** One request of a client: a client/request statement and who may make it. */
export interface Authorised {
  readonly caller: Caller;
  readonly request: Signed;
}

export type Ask =
  | ({ readonly op: 'status' } & Authorised)
  /** How long until the next guess is counted. */
  | ({ readonly op: 'wait' } & Authorised)
  | ({ readonly op: 'register-vote'; readonly registration: Registration; readonly approval?: Signed } & Authorised)
  /** `shown`: statuses of members that have counted the number before (member/next-number.ts). */
  | ({ readonly op: 'attempt-vote'; readonly element: Uint8Array; readonly shown: readonly Signed[] } & Authorised)
  | ({ readonly op: 'answer'; readonly element: Uint8Array; readonly votes: readonly Signed[] } & Authorised)
  | { readonly op: 'activate'; readonly standing: Standing }
  | { readonly op: 'confirm'; readonly confirmed: Confirmed }
  | { readonly op: 'cancel'; readonly place: Place; readonly cancelled: Cancelled }
  | { readonly op: 'lock'; readonly place: Place }
  /** `memory`: all that the member remembers of the others (member/memory.ts). */
  | { readonly op: 'hello'; readonly hello: Signed; readonly memory: readonly Signed[] };

export interface Refusal {
  readonly refused: Code;
  readonly message: string;
  readonly evidence?: Evidence;
  /** Of an attempt: node/refusal, or node/wait. A client gives up a number, or waits, only on members' own word. */
  readonly statement?: Signed;
}

/** A node/hello-answer, and all that its member remembers of the others. */
export interface Greeting extends Signed {
  readonly memory: readonly Signed[];
}

/** What a member says: one signed statement, or a refusal. */
export type Reply = Signed | Greeting | Refusal;

export function refuse(refused: Code, message: string, evidence?: Evidence): Refusal {
  return evidence === undefined ? { refused, message } : { refused, message, evidence };
}

export function isRefusal(reply: object): reply is Refusal {
  return 'refused' in reply;
}

/** What a member is and is told from outside: time is an input. */
export interface Member {
  readonly fleet: Fleet;
  readonly self: Id;
  readonly verify: Verify;
  /** Whether an element's check is proven, so that it is no second guess (oprf/checked.ts). */
  readonly isProven: (element: Uint8Array) => boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The tenant's bounds for how long a registration that the owner did not approve waits. */
  readonly coolingOff: { readonly minSeconds: number; readonly maxSeconds: number };
  /** How long after so many wrong guesses in a row the next one is counted: the first after one, the last after all further. */
  readonly guessDelaysMs: readonly number[];
  /** How long the confirmation of the last guess is given to arrive before the guesses are said to be used up. */
  readonly lockDelayMs: number;
}
