/**
 * What members ask each other, between the program's form (quorum/ask.ts) and the wire's (api/peers.ts). The caller travels
 * as pass, way in and client key; the receiving node makes its own `Caller` from them, so no coordinator can vouch for one.
 */
import type { PeerAsk } from '../api/peers.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Authorised } from '../quorum/ask.ts';
import type { Question } from '../quorum/member/member.ts';
import { parseRegistration } from '../vault/registration.ts';
import type { Passes } from './pass.ts';

type SpelledCaller = Omit<Extract<PeerAsk, { op: 'status' }>, 'op'>;

export function spellCaller({ caller, request }: Authorised): SpelledCaller {
  return { pass: caller.pass.reveal(), way: caller.place.way, clientKey: caller.clientKey, request };
}

/** @throws `pass-refused` */
export async function readCaller({ pass, way, clientKey, request }: SpelledCaller, passes: Passes): Promise<Authorised> {
  return { caller: await passes.check(pass, way, clientKey), request };
}

export function spellAsk(ask: Question): PeerAsk {
  switch (ask.op) {
    case 'status':
    case 'wait':
      return { op: ask.op, ...spellCaller(ask) };
    case 'register-vote':
      return { op: ask.op, ...spellCaller(ask), registration: ask.registration.bytes, ...(ask.approval && { approval: ask.approval }) };
    case 'attempt-vote':
      return { op: ask.op, ...spellCaller(ask), element: ask.element, shown: ask.shown };
    case 'answer':
      return { op: ask.op, ...spellCaller(ask), element: ask.element, votes: ask.votes };
    default:
      return ask;
  }
}

/** @throws `pass-refused`, and what `parseRegistration` throws */
export async function readAsk(spelled: PeerAsk, fleet: Fleet, passes: Passes): Promise<Question> {
  switch (spelled.op) {
    case 'status':
    case 'wait':
      return { op: spelled.op, ...(await readCaller(spelled, passes)) };
    case 'register-vote': {
      const { op, registration, approval } = spelled;
      const authorised = await readCaller(spelled, passes);
      return { op, ...authorised, registration: parseRegistration(registration, fleet), ...(approval && { approval }) };
    }
    case 'attempt-vote':
      return { op: spelled.op, ...(await readCaller(spelled, passes)), element: spelled.element, shown: spelled.shown };
    case 'answer':
      return { op: spelled.op, ...(await readCaller(spelled, passes)), element: spelled.element, votes: spelled.votes };
    default:
      return spelled;
  }
}
