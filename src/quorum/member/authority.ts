/**
 * Who may put a registration in force in a slot of an account (docs/design.md, "Who decides about an account").
 *
 * Whoever has the backup key has the account's owner key, and decides at once. Whoever has no more than a login announces, and
 * waits while the owner may object. So a login alone neither replaces a way in nor adds one. (Attack: with a stolen login the
 * thief locks the passcode, registers the first recovery code, and objects to all that the owner announces.)
 */
import { HoldfastError } from '../../base/errors.ts';
import type { Registration } from '../../vault/registration.ts';
import { type Place, SINGLE_WAYS, slotId } from '../../vault/slot.ts';
import { keyId, readSigned, type Signed } from '../../wire/signed.ts';
import type { Member, Refusal } from '../ask.ts';
import { type Machine, perform } from '../effects.ts';
import { inForce } from './standing.ts';

/** What opens something in an account: deletions are left out. */
export interface Account {
  /** In the slot that is asked about. */
  readonly current: Registration | undefined;
  /** In the other slots of the account. */
  readonly others: readonly Registration[];
}

/** The slots that decide together; the driver keeps all of them still. */
export function placesOf(place: Place): readonly Place[] {
  return [place, ...SINGLE_WAYS.filter(({ kind }) => kind !== place.way.kind).map((way) => ({ ...place, way }))];
}

/** @returns a refusal where the store is behind the token: who the owner is cannot be told then */
export function* accountOf(member: Member, place: Place): Machine<Account | Refusal> {
  const live: Registration[] = [];
  for (const at of placesOf(place)) {
    const current = inForce(member, yield* perform('load', { slot: slotId(at) }));
    if ('refused' in current) {
      if (current.refused !== 'not-found') return current;
    } else if (!current.core.tombstone) live.push(current);
  }
  const own = slotId(place);
  return { current: live.find(({ slot }) => slot === own), others: live.filter(({ slot }) => slot !== own) };
}

/** Whether an owner key of the account approved just this registration. What does not verify approves nothing. */
export function isApproved(member: Member, { current, others }: Account, next: Registration, approval: Signed | undefined): boolean {
  if (approval === undefined) return false;
  const owners = new Map([...(current ? [current] : []), ...others].map(({ core }) => [keyId(core.ownerKey), core.ownerKey]));
  try {
    const { slot, generation, digest } = readSigned(
      'owner/approve',
      approval,
      member.fleet.id,
      (signer) => owners.get(signer),
      member.verify,
    );
    return slot === next.slot && generation === next.generation && digest === next.digest;
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'alarm') return false;
    throw error;
  }
}

/** How long a registration that nobody approved waits for an objection: as long as the owner's own registrations say. */
export function waitingSeconds({ current, others }: Account): number {
  return current?.core.policy.coolingOffSeconds ?? Math.max(...others.map(({ core }) => core.policy.coolingOffSeconds));
}
