/**
 * Where a registration lives. An account may have several ways in, and each is a slot of its own with its own key, shares
 * and counters: locking the passcode leaves the recovery code alone.
 *
 *   account id = SHA-256( u8 length | "holdfast/v1/account" | text namespace | text issuer | text subject )
 *   slot id    = SHA-256( u8 length | "holdfast/v1/slot" | text tenant | 32 account id | u8 kind | bytes name )
 */
import { concatBytes, type Id, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { bytes, choice, id, struct, text } from '../wire/field.ts';
import { hash } from '../wire/signed.ts';

/** Never reorder. */
const kind = choice('passcode', 'recovery-code', 'passkey');
export type WayKind = ReturnType<(typeof kind)['read']>;

/** `name` tells several of one kind apart: the SHA-256 of a passkey's credential id; empty for the other kinds. */
export const wayIn = struct({ kind, name: bytes(32) });
export type WayIn = ReturnType<(typeof wayIn)['read']>;

const PASSKEY_NAME_BYTES = 32;

/**
 * An account has one passcode and one recovery code. (Attack: with names for them one login makes as many slots as it likes,
 * and each takes its place in every token for good.)
 * @throws `malformed`
 */
export function checkWayIn({ kind, name }: WayIn): void {
  const expected = kind === 'passkey' ? PASSKEY_NAME_BYTES : 0;
  if (name.length !== expected) fail('malformed', `the name of a ${kind} has ${expected} bytes`, { got: name.length });
}

export const PASSCODE: WayIn = { kind: 'passcode', name: new Uint8Array() };
export const RECOVERY_CODE: WayIn = { kind: 'recovery-code', name: new Uint8Array() };

/** Ways in of which an account has one each: their slots follow from the account. */
export const SINGLE_WAYS: readonly WayIn[] = [PASSCODE, RECOVERY_CODE];

/** Who: an account of a tenant (the organisation whose account service issues the passes). */
export const place = struct({ tenant: text(64), account: id, way: wayIn });
export type Place = ReturnType<(typeof place)['read']>;

function tagged(domain: string, body: Uint8Array): Id {
  const name = utf8(domain);
  return hash(concatBytes(Uint8Array.of(name.length), name, body));
}

const identity = struct({ namespace: text(255), issuer: text(255), subject: text(255) });

export function accountId(namespace: string, issuer: string, subject: string): Id {
  return tagged('holdfast/v1/account', identity.write({ namespace, issuer, subject }));
}

export function slotId(at: Place): Id {
  return tagged('holdfast/v1/slot', place.write(at));
}
