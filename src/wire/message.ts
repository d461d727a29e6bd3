/**
 * Every statement that is signed, in one place: what it says, who says it, and its bytes (docs/formats.md draws them; the
 * golden files in test/wire/golden pin them).
 *
 *   u8 length | "holdfast/v1/<role>/<type>" | u16 suite | 32 fleet id | 32 signer | the type's own fields
 *
 * The signature is ECDSA P-256 over SHA-256 of these bytes, 64 bytes r||s. The length and the domain string come first, so
 * no type is a prefix of another and none can be taken for another; fleet and signer stand in every one, so nothing can be
 * carried to another fleet or put into another mouth. The signer is a node id, or the SHA-256 of an unlock key, or the
 * RFC 7638 thumbprint of a client key.
 */
import { concatBytes, type Id, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { bytes, choice, type Field, flag, id, nonce, type Of, Reader, struct, u16, u32, u64 } from './field.ts';

/** P-256, SHA-256, RFC 9497 OPRF(P-256, SHA-256), AES-KWP. */
export const SUITE = 1;

/** What a client may ask for; the client key signs which. Never reorder. */
export const operation = choice('status', 'register', 'activate', 'attempt', 'confirm', 'cancel', 'events', 'wait');
export type Operation = ReturnType<(typeof operation)['read']>;

const slotHead = { slot: id, generation: u32, digest: id };

const shapes = {
  /** A member has opened its share of registration `digest` and votes for it, once per generation. */
  'node/register-vote': { ...slotHead, sequence: u64 },
  /** A member has counted attempt number `attempt`, for this blinded element only. */
  'node/attempt-vote': { ...slotHead, attempt: u32, element: id, sequence: u64 },
  /** The evaluated element and its check (64 bytes; for a passkey the encrypted answer), for one request's nonce. */
  'node/answer': { ...slotHead, attempt: u32, element: id, nonce, evaluated: bytes(512), sequence: u64 },
  /** This attempt cannot be counted or answered here: why is in the counters. Unsigned, a coordinator could make clients burn numbers. */
  'node/refusal': { ...slotHead, attempt: u32, element: id, nonce, tried: u32, cleared: u32 },
  /** A guess under this number is counted here only after so many milliseconds from now (0: at once), for one request's nonce. */
  'node/wait': { ...slotHead, attempt: u32, nonce, waitMs: u32 },
  /** A member's counters of a slot, for one request's nonce. `standing` is false while the member does not vote. */
  'node/status': {
    ...slotHead,
    nonce,
    voted: u32,
    tried: u32,
    cleared: u32,
    locked: flag,
    standing: flag,
    sequence: u64,
  },
  /** The generation is in force here; `opened` says whether this member's share opened; the final counters of what it superseded. */
  'node/activation-ack': { ...slotHead, opened: flag, oldGeneration: u32, oldTried: u32, oldCleared: u32, sequence: u64 },
  /** The confirmation of `attempt` is durable here. */
  'node/confirmation-ack': { ...slotHead, attempt: u32, sequence: u64 },
  /** All guesses are used up here, and no confirmation of this generation will be accepted any more. */
  'node/lock-statement': { ...slotHead, cleared: u32, tried: u32, sequence: u64 },
  /** A member after its start: the last sequence of its token that others vouched for, and the one it goes on with. */
  'node/hello': { nonce, found: u64, started: u64, measurement: id },
  /** Another member has heard it. `vouches`: what it remembers of all members is complete. Its own sequence now. */
  'node/hello-answer': { subject: id, nonce, vouches: flag, sequence: u64 },
  /** The account's recent events as this member recorded them (SHA-256 of the JSON text). */
  'node/events': { account: id, nonce, events: id },
  /** A node stands in this fleet entry with its own keys, and what the entry says of it is true (a leaf of the log carries it). */
  'node/fleet-entry': { entry: id },
  /** Whoever asks with this nonce: the code that this node runs and the fleet entry that it serves (zeros: none), now. */
  'node/live': { nonce, measurement: id, entry: id, sequence: u64 },
  /** The client has seen the quorum certificate: this generation shall be in force. */
  'unlock/activate': slotHead,
  /** Attempt number `attempt` was a success. */
  'unlock/confirm': { ...slotHead, attempt: u32 },
  /** This registration may come into force in this slot without waiting, also against an objection. Signed by the account's owner key. */
  'owner/approve': slotHead,
  /** The announced registration must never come into force. Signed by the unlock key of any way in of the account, or its owner key. */
  'unlock/cancel': { ...slotHead, bySlot: id },
  /** The owner of a login pass asks. `body` is the SHA-256 of what the operation carries; `expiry` in seconds since 1970. */
  'client/request': { operation, ...slotHead, attempt: u32, body: id, nonce, expiry: u64 },
} as const;

export type MessageType = keyof typeof shapes;
interface Common {
  readonly fleet: Id;
  readonly signer: Id;
}
export type Message<T extends MessageType> = Common & Of<(typeof shapes)[T]>;

const common = { suite: u16, fleet: id, signer: id };

function headOf(type: string): Uint8Array {
  const domain = utf8(`holdfast/v1/${type}`);
  return concatBytes(Uint8Array.of(domain.length), domain);
}

const heads = Object.fromEntries(Object.keys(shapes).map((type) => [type, headOf(type)])) as Readonly<Record<MessageType, Uint8Array>>;

function layout<T extends MessageType>(type: T): Field<Message<T> & { suite: number }> {
  return struct({ ...common, ...shapes[type] }) as unknown as Field<Message<T> & { suite: number }>;
}

const layouts = Object.fromEntries(Object.keys(shapes).map((type) => [type, layout(type as MessageType)])) as unknown as {
  readonly [T in MessageType]: Field<Message<T> & { suite: number }>;
};

/** What each type's own fields are, as docs/formats.md prints them. */
export function describeMessage(type: MessageType): string {
  return struct(shapes[type]).form;
}

export const messageTypes = Object.keys(shapes) as readonly MessageType[];

/** The type that these bytes say they are of; nothing for any other. */
export function typeOf(signed: Uint8Array): MessageType | undefined {
  return messageTypes.find((type) => heads[type].every((byte, i) => byte === signed[i]));
}

/** The bytes to sign. @throws `malformed` when a value does not fit its field. */
export function encodeMessage<T extends MessageType>(type: T, message: Message<T>): Uint8Array {
  return concatBytes(heads[type], layouts[type].write({ ...message, suite: SUITE }));
}

/** @throws `malformed` unless `signed` is exactly one message of this type in this suite. */
export function decodeMessage<T extends MessageType>(type: T, signed: Uint8Array): Message<T> {
  const expected = heads[type];
  const from = new Reader(signed);
  const got = from.take(expected.length);
  if (!expected.every((byte, i) => byte === got[i])) fail('malformed', `expected a signed message of type ${type}`);
  const { suite, ...message } = layouts[type].read(from);
  from.end();
  if (suite !== SUITE) fail('malformed', `expected suite ${SUITE}`, { got: suite });
  return message as unknown as Message<T>;
}
