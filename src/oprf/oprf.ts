/**
 * RFC 9497, OPRF mode (0x00), suite P256-SHA256: the client's two steps, and the server's one.
 *
 *   client: B = r * H(passcode)      B is uniformly random and says nothing about the passcode (its check: checked.ts)
 *   nodes:  Z = k * B                each with its share of k, inside its token; sharing.ts combines their answers
 *   client: H(passcode, Z / r)       32 bytes that only somebody with both the passcode and Z can compute
 *
 * Base mode and not the verifiable one: a proof (section 2.2.1) needs arithmetic on k, which PKCS#11 does not offer.
 * Wrong answers are found by checked.ts instead.
 */
import { p256_hasher, p256_oprf } from '@noble/curves/nist.js';
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { decodePoint, encodePoint, multiply } from './point.ts';
import { decodeScalar, SCALAR_SEED_BYTES } from './scalar.ts';

/** RFC 9497, section 4.3: Nh of P256-SHA256. */
export const OUTPUT_BYTES = 32;

/** RFC 9497, section 1.2: PrivateInput is at most 2^16 - 1 bytes long. */
const INPUT_BYTES_MAX = 0xffff;

/** Section 3.1: contextString = "OPRFV1-" || I2OSP(mode, 1) || "-" || identifier, with mode 0x00. */
const HASH_TO_GROUP = 'HashToGroup-OPRFV1-\x00-P256-SHA256';

export interface Blinded {
  /** r: 32 bytes. Kept until the answer is there: without it Z is useless, and with it B gives H(passcode) away. */
  readonly blind: Secret<Uint8Array>;
  /** B: 33 bytes, for the nodes. */
  readonly element: Uint8Array;
}

/**
 * RFC 9497, section 3.3.1, Blind. Two calls with one input give unrelated elements.
 * @throws `too-large` for more than 65535 bytes of input.
 */
export function blind(input: Secret<Uint8Array>, random: Random): Blinded {
  const made = p256_oprf.oprf.blind(boundedInput(input), (length = SCALAR_SEED_BYTES) => random(length));
  return { blind: new Secret(made.blind), element: made.blinded };
}

/**
 * The element that `blind` made of this input with this blind: tells whether an interrupted guess was with the same passcode.
 * RFC 9497, section 4.3: hash_to_curve of P256_XMD:SHA-256_SSWU_RO_ with DST "HashToGroup-" || contextString.
 */
export function reblind(input: Secret<Uint8Array>, blinding: Secret<Uint8Array>): Uint8Array {
  const point = p256_hasher.hashToCurve(boundedInput(input), { DST: HASH_TO_GROUP });
  return encodePoint(multiply(point, decodeScalar(blinding.reveal())));
}

/**
 * RFC 9497, section 3.3.1, Finalize: the OPRF output, 32 bytes.
 * @param evaluated Z = k * B, 33 bytes.
 * @throws `malformed` unless `blind` is a scalar and `evaluated` a point.
 */
export function finalize(input: Secret<Uint8Array>, blinding: Secret<Uint8Array>, evaluated: Uint8Array): Secret<Uint8Array> {
  decodeScalar(blinding.reveal());
  decodePoint(evaluated);
  return new Secret(p256_oprf.oprf.finalize(boundedInput(input), blinding.reveal(), evaluated));
}

/**
 * RFC 9497, section 3.3.1, BlindEvaluate: Z = k * B, 33 bytes. In a fleet this happens inside the token. A client does it
 * once, while it registers and still holds the whole key; simulations do it with shares.
 * @throws `malformed` unless `key` is a scalar and `element` a point.
 */
export function evaluate(key: Secret<Uint8Array>, element: Uint8Array): Uint8Array {
  return encodePoint(multiply(decodePoint(element), decodeScalar(key.reveal())));
}

function boundedInput(input: Secret<Uint8Array>): Uint8Array {
  const bytes = input.reveal();
  return bytes.length <= INPUT_BYTES_MAX ? bytes : fail('too-large', 'an OPRF input has at most 65535 bytes', { got: bytes.length });
}
