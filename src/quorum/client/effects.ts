/**
 * What the client's machines ask for: cryptography, a durable memo, and one call to the fleet at a time. The same machines
 * run in a browser, in Node and in the simulator.
 */
import type { Id } from '../../base/bytes.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Registration } from '../../vault/registration.ts';
import type { Place } from '../../vault/slot.ts';
import type { Operation } from '../../wire/message.ts';
import type { Sign, Signed, Verify } from '../../wire/signed.ts';
import type { Gathered } from '../coordinator/conversation.ts';
import type { AccountEvent, Cancelled, Confirmed, Standing } from '../record.ts';

/** What a client is: time and randomness are effects. */
export interface Client {
  readonly fleet: Fleet;
  readonly place: Place;
  readonly verify: Verify;
}

/** What the right passcode yields. */
export interface Opened {
  /** Signs with the registration's unlock key. */
  readonly sign: Sign;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** Of this secret. */
  readonly owner: Owner;
}

/** The key that stands above every login, derived from the backup key (vault/owner-key.ts). */
export interface Owner {
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  readonly sign: Sign;
}

/** A registration with its unlock key, just made. */
export interface Dealt {
  /** Encoded. */
  readonly registration: Uint8Array;
  readonly sign: Sign;
  /** Of the secret that it holds: approves it where that is the account's owner key. */
  readonly owner?: Owner;
  /** Public; given back when this registration stands, however much later: what the secret is for, say. */
  readonly note?: string;
}

export interface PendingDeposit {
  readonly registration: Uint8Array;
  /** Signed when it was dealt; worth nothing without the votes of a quorum. */
  readonly activation: Signed;
  /** owner/approve, where the owner key was at hand. */
  readonly approval?: Signed;
  readonly note?: string;
  /** Once set, the activation may have been seen: this registration is finished as it is, never dealt anew. */
  readonly votes?: readonly Signed[];
  /** The person was told that it stands; it is kept only to be pushed to nodes that were down, perhaps for good. */
  readonly told?: true;
}

export interface PendingAttempt {
  readonly generation: number;
  readonly digest: Id;
  readonly attempt: number;
  /** With its check and proof, 162 bytes. */
  readonly element: Uint8Array;
  /** 32-byte scalar; with the passcode it turns answers into the secret. */
  readonly blind: Uint8Array;
}

/** What must survive a crash of the client; saved before it is acted on. */
export interface Memo {
  readonly deposit?: PendingDeposit;
  readonly attempt?: PendingAttempt;
  readonly confirmation?: Confirmed;
}

export type Call =
  | { readonly op: 'status'; readonly request: Signed }
  | { readonly op: 'register'; readonly request: Signed; readonly registration: Uint8Array; readonly approval?: Signed }
  | { readonly op: 'activate'; readonly standing: Standing }
  | { readonly op: 'attempt'; readonly request: Signed; readonly element: Uint8Array; readonly shown: readonly Signed[] }
  | { readonly op: 'confirm'; readonly confirmed: Confirmed }
  | { readonly op: 'cancel'; readonly cancelled: Cancelled }
  | { readonly op: 'events'; readonly request: Signed }
  | { readonly op: 'wait'; readonly request: Signed };

/** What one node is said to have recorded. */
export interface Feed {
  readonly node: Id;
  /** The node's statement names its SHA-256. */
  readonly text: string;
  /** As the driver read them from the text. */
  readonly events: readonly AccountEvent[];
}

export interface Heard extends Gathered {
  /** With a status: the registration in force at the node that carried the messages, with its proof. */
  readonly standing?: Standing;
  /** With a status: the lock's certificate of that registration, where the node has one. */
  readonly lock?: readonly Signed[];
  /** With an attempt: its quorum certificate. */
  readonly votes?: readonly Signed[];
  /** With events; a text that is none is left out. */
  readonly feeds?: readonly Feed[];
}

export interface Answer {
  /** The share's number, from 1. */
  readonly index: number;
  /** 64 bytes, as the node answered. */
  readonly evaluated: Uint8Array;
}

export interface Opening {
  readonly opened?: Opened;
  /** At least t answers were right: then a passcode that opens nothing is wrong. */
  readonly sure: boolean;
  /** Numbers of shares whose answers were wrong. */
  readonly liars: readonly number[];
}

interface Results {
  recall: { result: Memo };
  /** Durable once resumed. */
  keep: { memo: Memo; result: undefined };
  /** A client/request signed with the client key; the driver chooses nonce (32 bytes) and expiry. */
  request: {
    operation: Operation;
    slot: Id;
    generation: number;
    digest: Id;
    attempt: number;
    body: Id;
    result: { readonly request: Signed; readonly nonce: Uint8Array };
  };
  /** One call through one node; nothing said when no node can be reached. */
  call: { call: Call; result: Heard };
  /** Go through another node from now on. */
  turn: { result: undefined };
  /** Makes a registration of this generation: the secret under the passcode, or a tombstone. */
  deal: { generation: number; result: Dealt };
  /** Blinds the passcode; with a given blind, again the same element. */
  blind: { blind?: Uint8Array; result: { readonly blind: Uint8Array; readonly element: Uint8Array } };
  /** Checks each answer, combines t right ones and tries to open the secret. */
  open: { registration: Registration; blind: Uint8Array; answers: readonly Answer[]; result: Opening };
}

export type ClientEffect = { [K in keyof Results]: { readonly kind: K } & Omit<Results[K], 'result'> }[keyof Results];
export type ClientMachine<T> = Generator<ClientEffect, T, unknown>;

export function* act<K extends keyof Results>(kind: K, of: Omit<Results[K], 'result'>): ClientMachine<Results[K]['result']> {
  return (yield { kind, ...of } as unknown as ClientEffect) as Results[K]['result'];
}
