/** The client's own signature on what is asked: no coordinator can swap the blinded element or spend a guess. */
import { fail } from '../../base/errors.ts';
import { slotId } from '../../vault/slot.ts';
import type { Message, Operation } from '../../wire/message.ts';
import { readSigned } from '../../wire/signed.ts';
import type { Authorised, Member } from '../ask.ts';

/** A pass outlives many requests; a request does not outlive its use by more than this. */
const REQUEST_LIFETIME_MAX_SECONDS = 300;

/** @throws `not-signed`, `malformed`, `wrong-fleet`, `request-expired`, `pass-refused` */
export function readRequest(member: Member, { caller, request }: Authorised, operation: Operation): Message<'client/request'> {
  const keyOf = (signer: string) => (signer === caller.clientKeyId ? caller.clientKey : undefined);
  const asked = readSigned('client/request', request, member.fleet.id, keyOf, member.verify);
  if (asked.operation !== operation) fail('malformed', `expected a request for ${operation}`, { got: asked.operation });
  // The slot follows from the pass: nobody can ask about an account that the pass does not name.
  if (asked.slot !== slotId(caller.place)) fail('pass-refused', 'the pass is for another account or way in');
  const left = Number(asked.expiry) - member.now / 1000;
  if (left <= 0 || left > REQUEST_LIFETIME_MAX_SECONDS) {
    fail('request-expired', `expected an expiry within ${REQUEST_LIFETIME_MAX_SECONDS} s from now`, { secondsLeft: Math.floor(left) });
  }
  return asked;
}
