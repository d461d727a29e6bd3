/** The account's event feed as this member recorded it, over the client's nonce: guesses that the owner did not make show here. */
import { type Id, utf8 } from '../../base/bytes.ts';
import { hash, type Signed } from '../../wire/signed.ts';
import type { Authorised, Member } from '../ask.ts';
import { type Machine, perform } from '../effects.ts';
import { readRequest } from './request.ts';
import { say } from './standing.ts';

export interface EventsReply {
  /** JSON text of AccountEvent[]; the statement names its SHA-256. */
  readonly events: string;
  readonly signed: Signed;
}

export function* tellEvents(member: Member, ask: Authorised): Machine<EventsReply> {
  const { nonce } = readRequest(member, ask, 'events');
  const account: Id = ask.caller.place.account;
  const events = JSON.stringify(yield* perform('events', { account }));
  return { events, signed: yield* say(member, 'node/events', { account, nonce, events: hash(utf8(events)) }) };
}
