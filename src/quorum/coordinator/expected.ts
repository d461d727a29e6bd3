/** Which statement answers which ask: what a coordinator counts as an answer must be signed by its member, and about just this. */
import { equalBytes, type Id, utf8 } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { decodeMessage, type Message, type MessageType } from '../../wire/message.ts';
import { hash, type Signed, type Verify } from '../../wire/signed.ts';
import type { Ask, Authorised } from '../ask.ts';
import type { EventsReply } from '../member/events.ts';
import { registrationOf } from '../member/standing.ts';
import { readOfNode } from '../quorum-certificate.ts';

/** Asks that a member answers with one signed statement to whoever carries them. */
export type Counted = Exclude<Ask, { op: 'cancel' | 'hello' | 'lock' }>;

/** @returns whether a statement is the answer of the member that it came from */
export function answerTo(ask: Counted, fleet: Fleet, verify: Verify): (signed: Signed, from: Id) => boolean {
  switch (ask.op) {
    case 'status':
    case 'wait': {
      const { slot, nonce } = requestIn(ask);
      return saying(`node/${ask.op}`, { slot, nonce }, fleet, verify);
    }
    case 'register-vote': {
      const { slot, generation, digest } = ask.registration;
      return saying('node/register-vote', { slot, generation, digest }, fleet, verify);
    }
    case 'attempt-vote':
    case 'answer': {
      const { slot, generation, digest, attempt } = requestIn(ask);
      const says = { slot, generation, digest, attempt, element: hash(ask.element) };
      return saying(ask.op === 'answer' ? 'node/answer' : 'node/attempt-vote', says, fleet, verify);
    }
    case 'activate': {
      const { slot, generation, digest } = registrationOf(ask.standing, fleet);
      return saying('node/activation-ack', { slot, generation, digest }, fleet, verify);
    }
    case 'confirm': {
      const { slot, generation, digest, attempt } = decodeMessage('unlock/confirm', ask.confirmed.confirm.bytes);
      return saying('node/confirmation-ack', { slot, generation, digest, attempt }, fleet, verify);
    }
  }
}

/** As `answerTo`, for what a member tells of an account. */
export function eventsTo(ask: Authorised, fleet: Fleet, verify: Verify): (told: EventsReply, from: Id) => boolean {
  const about = { account: ask.caller.place.account, nonce: requestIn(ask).nonce };
  return ({ events, signed }, from) => saying('node/events', { ...about, events: hash(utf8(events)) }, fleet, verify)(signed, from);
}

const requestIn = ({ request }: Authorised): Message<'client/request'> => decodeMessage('client/request', request.bytes);

function saying<T extends MessageType>(type: T, says: Partial<Message<T>>, fleet: Fleet, verify: Verify) {
  return (signed: Signed, from: Id): boolean => {
    const said = readFrom(type, signed, from, fleet, verify);
    return said !== undefined && Object.entries(says).every(([field, expected]) => same(said[field as keyof Message<T>], expected));
  };
}

/** A member that says what does not verify counts as silent: the others carry the conversation. */
export function readFrom<T extends MessageType>(type: T, signed: Signed, from: Id, fleet: Fleet, verify: Verify): Message<T> | undefined {
  try {
    const said = readOfNode(type, signed, fleet, verify);
    return said.signer === from ? said : undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

function same(got: unknown, expected: unknown): boolean {
  return got instanceof Uint8Array && expected instanceof Uint8Array ? equalBytes(got, expected) : got === expected;
}
