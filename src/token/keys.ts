/**
 * Long-lived keys: made in the token, found by label, read back. A key is of use only when the device itself says that it
 * was made inside (CKA_LOCAL), never left (CKA_NEVER_EXTRACTABLE) and cannot be read (CKA_SENSITIVE); whoever plants a
 * key of his own under our label before the ceremony is found here.
 *
 * CKA_DERIVE_TEMPLATE and CKA_UNWRAP_TEMPLATE are not set: their value is an array of attributes with pointers, which
 * pkcs11js cannot pass, and SoftHSM does not know the first. CKA_ALLOWED_MECHANISMS is set wherever the device takes it.
 */
import { fail } from '../base/errors.ts';
import { decodeUncompressed, encodePoint } from '../oprf/point.ts';
import { DeviceError, type Handle, P11, type Session, type Template } from './pkcs11.ts';
import type { KeyKind, KeySpec } from './roles.ts';
import { P256_PARAMS } from './share.ts';

/** What the device says of a key that it holds. */
export interface KeyFacts {
  readonly spec: KeySpec;
  /** 33-byte compressed P-256 point, or 32-byte Ed25519 key; absent for `mac`. */
  readonly publicKey?: Uint8Array;
  /** CKA_* by name without the prefix, as the device answers. */
  readonly attributes: Readonly<Record<Flag | Told | 'ALLOWED_MECHANISMS', boolean | string>>;
}

const FLAGS = {
  TOKEN: true,
  PRIVATE: true,
  SENSITIVE: true,
  ALWAYS_SENSITIVE: true,
  EXTRACTABLE: false,
  NEVER_EXTRACTABLE: true,
  LOCAL: true,
} as const;
type Flag = keyof typeof FLAGS;

/** Asked for and told as the device answers, `unknown` where it has no such attribute: a ceremony judges it by the device's profile. */
const TOLD = ['MODIFIABLE', 'COPYABLE', 'DESTROYABLE'] as const;
type Told = (typeof TOLD)[number];

/** PrintableString "edwards25519", which SoftHSM 2.6 and PKCS#11 v3.0 section 2.3.10 take for CKA_EC_PARAMS. */
const ED25519_PARAMS = Uint8Array.from([0x13, 12, ...Buffer.from('edwards25519')]);

const MECHANISM: Readonly<Record<KeyKind, number>> = {
  'p256-sign': P11.CKM_ECDSA,
  'p256-derive': P11.CKM_ECDH1_DERIVE,
  ed25519: P11.CKM_EDDSA,
  mac: P11.CKM_SHA256_HMAC,
};

/** Makes one key. @throws `configuration` when the label is taken: nothing is ever replaced. */
export function createKey(session: Session, spec: KeySpec): void {
  const { label, kind } = spec;
  if (session.find({ [P11.CKA_LABEL]: label }).length > 0)
    fail('configuration', 'the token already has an object of this label', { label });
  const common = { [P11.CKA_TOKEN]: true, [P11.CKA_LABEL]: label, [P11.CKA_ID]: Buffer.from(label) };
  const secret = {
    ...common,
    [P11.CKA_PRIVATE]: true,
    [P11.CKA_SENSITIVE]: true,
    [P11.CKA_EXTRACTABLE]: false,
    [P11.CKA_SIGN]: kind !== 'p256-derive',
    [P11.CKA_DERIVE]: kind === 'p256-derive',
  };
  const sealed = { [P11.CKA_MODIFIABLE]: false };
  const restricted = { ...sealed, [P11.CKA_ALLOWED_MECHANISMS]: ulong(MECHANISM[kind]) };
  orWithout([{ ...restricted, [P11.CKA_COPYABLE]: false }, restricted, sealed, {}], (extra) => {
    const template: Template = { ...secret, ...extra };
    if (kind === 'mac') {
      session.generateKey({ mechanism: P11.CKM_GENERIC_SECRET_KEY_GEN }, { ...template, [P11.CKA_VALUE_LEN]: 32 });
      return;
    }
    const edwards = kind === 'ed25519';
    const publicTemplate = {
      ...common,
      [P11.CKA_EC_PARAMS]: edwards ? ED25519_PARAMS : P256_PARAMS,
      [P11.CKA_VERIFY]: kind !== 'p256-derive',
    };
    const mechanism = edwards ? P11.CKM_EC_EDWARDS_KEY_PAIR_GEN : P11.CKM_EC_KEY_PAIR_GEN;
    session.generateKeyPair({ mechanism }, publicTemplate, template);
  });
}

/** The private or secret key. @throws `token-unsuitable` unless exactly one object has the label. */
export function findKey(session: Session, { label, kind }: KeySpec): Handle {
  return only(session, kind === 'mac' ? P11.CKO_SECRET_KEY : P11.CKO_PRIVATE_KEY, label);
}

/** Destroys both halves of a key, the private one first. Nothing when there is none. */
export function destroyKey(session: Session, { label }: KeySpec): void {
  for (const kind of [P11.CKO_PRIVATE_KEY, P11.CKO_SECRET_KEY, P11.CKO_PUBLIC_KEY])
    for (const object of session.find({ [P11.CKA_CLASS]: kind, [P11.CKA_LABEL]: label })) session.destroy(object);
}

/** Reads a key back. @throws `token-unsuitable` naming the attribute that is not what it must be. */
export function readBack(session: Session, spec: KeySpec): KeyFacts {
  const key = findKey(session, spec);
  const attributes: Record<string, boolean | string> = {};
  for (const [flag, expected] of Object.entries(FLAGS)) {
    const value = session.read(key, P11[`CKA_${flag as Flag}`])[0] === 1;
    if (value !== expected)
      fail('token-unsuitable', `CKA_${flag} of a key is not what it must be`, { label: spec.label, found: value, expected });
    attributes[flag] = value;
  }
  for (const name of TOLD) attributes[name] = told(session, key, P11[`CKA_${name}`]);
  attributes['ALLOWED_MECHANISMS'] = allowed(session, key);
  const facts = { spec, attributes: attributes as KeyFacts['attributes'] };
  return spec.kind === 'mac' ? facts : { ...facts, publicKey: publicKey(session, spec) };
}

/** @throws `token-unsuitable` when the key is missing or its point is not on the curve. */
export function publicKey(session: Session, { label, kind }: KeySpec): Uint8Array {
  const der = session.read(only(session, P11.CKO_PUBLIC_KEY, label), P11.CKA_EC_POINT);
  const wanted = kind === 'ed25519' ? 32 : 65;
  // CKA_EC_POINT is a DER OCTET STRING (PKCS#11 v2.40, section 2.3.3); older devices give the bare bytes.
  const raw = der.length === wanted + 2 && der[0] === 0x04 && der[1] === wanted ? der.subarray(2) : der;
  if (raw.length !== wanted) return fail('token-unsuitable', 'a public key in the token has an unknown form', { label, bytes: der.length });
  return kind === 'ed25519' ? raw : encodePoint(decodeUncompressed(raw));
}

function only(session: Session, kind: number, label: string): Handle {
  const [found, second] = session.find({ [P11.CKA_CLASS]: kind, [P11.CKA_LABEL]: label });
  if (found === undefined) return fail('token-unsuitable', 'a key is missing in the token', { label });
  if (second !== undefined) return fail('token-unsuitable', 'two keys in the token have the same label', { label });
  return found;
}

function allowed(session: Session, key: Handle): string {
  try {
    const value = Buffer.from(session.read(key, P11.CKA_ALLOWED_MECHANISMS));
    const names: string[] = [];
    for (let at = 0; at < value.length; at += 8) names.push(`0x${value.readBigUInt64LE(at).toString(16)}`);
    return names.join(' ') || 'any';
  } catch (error) {
    if (error instanceof DeviceError) return 'any';
    throw error;
  }
}

function told(session: Session, key: Handle, type: number): boolean | 'unknown' {
  try {
    return session.read(key, type)[0] === 1;
  } catch (error) {
    if (error instanceof DeviceError && error.returned === P11.CKR_ATTRIBUTE_TYPE_INVALID) return 'unknown';
    throw error;
  }
}

/** Runs with as many extra attributes as the device takes. */
function orWithout([extra = {}, ...fewer]: readonly Template[], run: (extra: Template) => void): void {
  try {
    run(extra);
  } catch (error) {
    const unknown = [P11.CKR_ATTRIBUTE_TYPE_INVALID, P11.CKR_TEMPLATE_INCONSISTENT, P11.CKR_ATTRIBUTE_VALUE_INVALID];
    if (fewer.length === 0 || !(error instanceof DeviceError && unknown.includes(error.returned))) throw error;
    orWithout(fewer, run);
  }
}

/** An array of one CK_MECHANISM_TYPE: CK_ULONG, 8 bytes, in the byte order of the 64-bit hosts we run on. */
function ulong(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
