/**
 * Sealed shares, opened and used wholly inside the token (docs/design.md, "The token"):
 *
 *   sealing key x ephemeral key --ECDH1_DERIVE, CKD_NULL--> AES key
 *     --AES_CBC_ENCRYPT_DATA over the 32-byte context, IV zero--> key-encryption key
 *     --C_UnwrapKey, AES-KWP (RFC 5649)--> the share k, a P-256 private key as PKCS#8
 *     --ECDH1_DERIVE, CKD_NULL--> x(k*B)
 *
 * Every step is a sensitive, non-extractable session object but the last, whose value is read; all are destroyed before
 * the answer leaves. ECDH gives x alone; RFC 9497 needs the point. The client settles the sign, and sees that the share
 * is the one of K, by a second derive on a point of its making (oprf/checked.ts).
 *
 * Only the thread that owns the session calls this. Points off the curve are refused before they reach the token; B = K,
 * -K, G and -G need nothing special: their multiples are public.
 */
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { checkIn, elementIn } from '../oprf/checked.ts';
import * as curve from '../oprf/point.ts';
import { type SealedShare, WRAPPED_BYTES } from '../vault/seal.ts';
import { decompress, isPoint } from './decompress.ts';
import { answerOf } from './failure.ts';
import { DeviceError, type Handle, type Mechanism, P11, type Session } from './pkcs11.ts';

export interface ShareCall {
  readonly sealed: SealedShare;
  /** 32 bytes. */
  readonly context: Uint8Array;
}

/** With K, 33 bytes, which the share must fit. */
export interface OpenCall extends ShareCall {
  readonly publicShare: Uint8Array;
}

/** How the device at hand wants it: src/token/probe.ts finds out. */
export interface ShareSuite {
  readonly wrapping: number;
  readonly points: 'raw' | 'der';
}

export const CONTEXT_BYTES = 32;

/** DER of the object identifier 1.2.840.10045.3.1.7: CKA_EC_PARAMS of P-256. */
export const P256_PARAMS = Uint8Array.from([0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);

/** What a device may answer when a share is not what it should be. SoftHSM answers the last two. */
const NOT_A_KEY: ReadonlySet<number> = new Set([
  P11.CKR_WRAPPED_KEY_INVALID,
  P11.CKR_WRAPPED_KEY_LEN_RANGE,
  P11.CKR_ENCRYPTED_DATA_INVALID,
  P11.CKR_ENCRYPTED_DATA_LEN_RANGE,
  P11.CKR_TEMPLATE_INCONSISTENT,
  P11.CKR_ATTRIBUTE_VALUE_INVALID,
  P11.CKR_DATA_INVALID,
  P11.CKR_FUNCTION_FAILED,
  P11.CKR_GENERAL_ERROR,
]);

const hidden = {
  [P11.CKA_TOKEN]: false,
  [P11.CKA_PRIVATE]: true,
  [P11.CKA_SENSITIVE]: true,
  [P11.CKA_EXTRACTABLE]: false,
};
const AGREED = {
  ...hidden,
  [P11.CKA_CLASS]: P11.CKO_SECRET_KEY,
  [P11.CKA_KEY_TYPE]: P11.CKK_AES,
  [P11.CKA_VALUE_LEN]: 32,
  [P11.CKA_DERIVE]: true,
};
const WRAPPING = {
  ...hidden,
  [P11.CKA_CLASS]: P11.CKO_SECRET_KEY,
  [P11.CKA_KEY_TYPE]: P11.CKK_AES,
  [P11.CKA_VALUE_LEN]: 32,
  [P11.CKA_UNWRAP]: true,
};
const SHARE = {
  ...hidden,
  [P11.CKA_CLASS]: P11.CKO_PRIVATE_KEY,
  [P11.CKA_KEY_TYPE]: P11.CKK_EC,
  [P11.CKA_DERIVE]: true,
  [P11.CKA_SIGN]: false,
};
/** A value that leaves the token: x(k*B), which is what the whole chain is for. */
export const READABLE = {
  [P11.CKA_TOKEN]: false,
  [P11.CKA_PRIVATE]: true,
  [P11.CKA_SENSITIVE]: false,
  [P11.CKA_EXTRACTABLE]: true,
  [P11.CKA_CLASS]: P11.CKO_SECRET_KEY,
  [P11.CKA_KEY_TYPE]: P11.CKK_GENERIC_SECRET,
  [P11.CKA_VALUE_LEN]: 32,
};

/** True only if all points are points and the share opens to a P-256 private key k whose k*G has the x of the public share. */
export function opens(session: Session, sealing: Handle, suite: ShareSuite, call: OpenCall): boolean {
  if (![call.publicShare, call.sealed.ephemeralKey].every(isPoint)) return false;
  try {
    const x = withShare(session, sealing, suite, call, (share) => multiply(session, suite, share, curve.GENERATOR));
    return equalBytes(x, call.publicShare.subarray(1));
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'share-refused') return false;
    throw error;
  }
}

/**
 * x(k*B) and x(k*B'), 64 bytes. Whether they are right, the client sees (oprf/checked.ts).
 * @param element B and B', 33 bytes each
 * @throws `share-refused` when the share does not open; `malformed` for points off the curve
 */
export function evaluate(session: Session, sealing: Handle, suite: ShareSuite, call: ShareCall, element: Uint8Array): Uint8Array {
  const points = [elementIn(element), checkIn(element)].map(decompress);
  return withShare(session, sealing, suite, call, (share) => concatBytes(...points.map((point) => multiply(session, suite, share, point))));
}

/** Opens the share for one use. @throws `share-refused` when what is sealed is no P-256 private key, with the device's answer. */
function withShare<T>(session: Session, sealing: Handle, suite: ShareSuite, call: ShareCall, use: (share: Handle) => T): T {
  const { ephemeralKey, wrapped } = call.sealed;
  if (call.context.length !== CONTEXT_BYTES || wrapped.length !== WRAPPED_BYTES)
    fail('share-refused', 'a sealed share has the wrong length');
  const ephemeral = decompress(ephemeralKey);
  return using(session, session.derive(agreement(suite, ephemeral), sealing, AGREED), (agreed) =>
    using(session, session.derive(expansion(call.context), agreed, WRAPPING), (wrapping) => {
      const unwrap = () => session.unwrap({ mechanism: suite.wrapping }, wrapping, wrapped, SHARE);
      const share = chosenByClient(session, sealing, unwrap);
      return using(session, share, (key) =>
        chosenByClient(session, sealing, () => (isP256(session, key) ? use(key) : fail('share-refused', 'a sealed share is no P-256 key'))),
      );
    }),
  );
}

/**
 * Runs what depends on bytes that a client chose. Devices answer CKR_GENERAL_ERROR both for such bytes and for being
 * broken, so the sealing key is asked for something afterwards: a share must not be called bad because the device is, nor
 * the device because a share is. Otherwise one registration with a share of zero would put the token away for everybody.
 */
function chosenByClient<T>(session: Session, sealing: Handle, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof DeviceError && NOT_A_KEY.has(error.returned))) throw error;
    session.read(sealing, P11.CKA_KEY_TYPE);
    return fail('share-refused', 'the sealed share does not open', answerOf(error), error);
  }
}

/** The template of an unwrap claims a type; what came out must be it, and be on this curve. */
function isP256(session: Session, share: Handle): boolean {
  const type = session.read(share, P11.CKA_KEY_TYPE);
  return (
    type[0] === P11.CKK_EC &&
    type.subarray(1).every((byte) => byte === 0) &&
    equalBytes(session.read(share, P11.CKA_EC_PARAMS), P256_PARAMS)
  );
}

/** x(k*P), 32 bytes: left-padded, for devices that drop leading zeros. */
function multiply(session: Session, suite: ShareSuite, share: Handle, point: curve.Point): Uint8Array {
  return using(session, session.derive(agreement(suite, point), share, READABLE), (product) => {
    const value = session.read(product, P11.CKA_VALUE);
    if (value.length > 32) return fail('token-unsuitable', 'ECDH1_DERIVE answers more than an x coordinate', { bytes: value.length });
    const x = new Uint8Array(32);
    x.set(value, 32 - value.length);
    return x;
  });
}

/** ECDH with this point, in the form the device wants. */
export function agreement(suite: ShareSuite, point: curve.Point): Mechanism {
  const raw = curve.encodeUncompressed(point);
  const publicData = Buffer.from(suite.points === 'raw' ? raw : Uint8Array.of(0x04, raw.length, ...raw));
  return { mechanism: P11.CKM_ECDH1_DERIVE, parameter: { type: P11.CK_PARAMS_EC_DH, kdf: P11.CKD_NULL, publicData } as never };
}

function expansion(context: Uint8Array): Mechanism {
  const parameter = { type: P11.CK_PARAMS_AES_CBC, iv: Buffer.alloc(16), data: Buffer.from(context) };
  return { mechanism: P11.CKM_AES_CBC_ENCRYPT_DATA, parameter };
}

function using<T>(session: Session, object: Handle, use: (object: Handle) => T): T {
  try {
    return use(object);
  } finally {
    session.destroy(object);
  }
}
