/** Reading what is in force at a member: only where token, record and signatures agree. */
import { alarm } from '../../base/errors.ts';
import { type Fleet, shareIndex } from '../../fleet/fleet.ts';
import { parseRegistration, type Registration } from '../../vault/registration.ts';
import type { Message, MessageType } from '../../wire/message.ts';
import { encodeMessage } from '../../wire/message.ts';
import { keyId, readSigned, type Signed } from '../../wire/signed.ts';
import { type Member, type Refusal, refuse } from '../ask.ts';
import { type Machine, perform, type View } from '../effects.ts';
import { readCertificate, readOfNode } from '../quorum-certificate.ts';
import type { Standing } from '../record.ts';

/** Anyone who knows the fleet: a member, or a client. */
type Reader = Pick<Member, 'fleet' | 'verify'>;

/** A standing is never changed, and a conversation reads the same one many times. */
const parsed = new WeakMap<Standing, { readonly fleet: Fleet; readonly registration: Registration }>();

/** @throws what `parseRegistration` throws */
export function registrationOf(standing: Standing, fleet: Fleet): Registration {
  const known = parsed.get(standing);
  if (known?.fleet === fleet) return known.registration;
  const registration = parseRegistration(standing.registration, fleet);
  parsed.set(standing, { fleet, registration });
  return registration;
}

/** @throws unless a quorum voted for the registration and its depositor activated it: from a stranger or from the disk alike. */
export function readStanding(member: Reader, standing: Standing): Registration {
  const registration = registrationOf(standing, member.fleet);
  const { slot, generation, digest } = registration;
  readCertificate('node/register-vote', standing.votes, { slot, generation, digest }, member.fleet, member.verify);
  const activation = readByUnlockKey('unlock/activate', standing.activation, registration, member);
  if (activation.slot !== slot || activation.generation !== generation || activation.digest !== digest) {
    return alarm('an unlock key activated another registration than its own');
  }
  return registration;
}

/** Reads a statement signed by a registration's unlock key. */
export function readByUnlockKey<T extends MessageType>(type: T, signed: Signed, registration: Registration, member: Reader): Message<T> {
  const { unlockKey } = registration.core;
  return readSigned(type, signed, member.fleet.id, (signer) => (signer === keyId(unlockKey) ? unlockKey : undefined), member.verify);
}

/** As `readByUnlockKey`, or signed by the owner key that the registration names. */
export function readByOwner<T extends MessageType>(type: T, signed: Signed, { core }: Registration, member: Reader): Message<T> {
  const keys = new Map([core.unlockKey, core.ownerKey].map((key) => [keyId(key), key]));
  return readSigned(type, signed, member.fleet.id, (signer) => keys.get(signer), member.verify);
}

/** The registration in force, or why there is none to speak of. */
export function inForce(member: Member, view: View): Registration | Refusal {
  const { counters, record } = view;
  if (counters.active === 0) return refuse('not-found', 'no registration is in force in this slot');
  if (record?.standing === undefined) return refuse('unknown-generation', 'the store has no record of the generation in force');
  const registration = registrationOf(record.standing, member.fleet);
  // The disk may have been rolled back; the token says which generation counts.
  if (registration.generation !== counters.active) {
    return refuse('unknown-generation', 'the store is behind the token', { active: counters.active, stored: registration.generation });
  }
  return registration;
}

/** As `inForce`, and it must be the one that is asked about. */
export function inForceAs(member: Member, view: View, asked: { generation: number; digest: string }): Registration | Refusal {
  const current = inForce(member, view);
  const behind = view.counters.active < asked.generation;
  if ('refused' in current && !(behind && current.refused === 'not-found')) return current;
  if (behind || 'refused' in current)
    return refuse('unknown-generation', 'that generation is not in force here yet', { active: view.counters.active });
  if (current.generation !== asked.generation)
    return refuse('stale-generation', 'a later generation is in force', { active: current.generation });
  if (current.digest !== asked.digest) return refuse('stale-generation', 'another registration is in force under this generation');
  return current;
}

/** Signs a statement of this member with what its token holds. */
export function* say<T extends MessageType>(member: Member, type: T, fields: Omit<Message<T>, 'fleet' | 'signer'>): Machine<Signed> {
  const bytes = encodeMessage(type, { ...fields, fleet: member.fleet.id, signer: member.self } as unknown as Message<T>);
  return { bytes, signature: yield* perform('sign', { bytes }) };
}

/**
 * A stored statement of this member, if it says just that. Checked under its own key: a forged row in the store must not
 * be given out as this member's word.
 */
export function repeat<T extends MessageType>(
  member: Member,
  type: T,
  stored: Signed | undefined,
  says: Partial<Message<T>>,
): Signed | undefined {
  if (stored === undefined) return undefined;
  const read = readOfNode(type, stored, member.fleet, member.verify);
  if (read.signer !== member.self) return undefined;
  return Object.entries(says).every(([field, expected]) => read[field as keyof Message<T>] === expected) ? stored : undefined;
}

/** This member's own sealed share is not in it, only its hash: dropped by whoever sent it, or erased. A tombstone has none to lack. */
export function lacksShare(member: Member, registration: Registration): boolean {
  const share = registration.shares[shareIndex(member.fleet, member.self) - 1];
  return share !== undefined && 'hash' in share;
}
