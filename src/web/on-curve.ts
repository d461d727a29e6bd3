/**
 * That a blinded element is a point of the curve, before anything is counted for it (an element off the curve would cost its
 * owner a guess; the token's own check comes too late for that). OpenSSL's square root takes a quarter of the time of ours.
 */
import { ECDH } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { encodePoint, GENERATOR, negate } from '../oprf/point.ts';

/** -G: the token does not evaluate it (token/share.ts), so it must not be counted either. */
const REFUSED = encodePoint(negate(GENERATOR));

/** @param element 33 bytes, compressed as api/values.ts takes it @returns the same @throws `malformed` off the curve, and for -G */
export function onCurve(element: Uint8Array): Uint8Array {
  if (equalBytes(element, REFUSED)) return fail('malformed', 'element: it is -G, whose multiple is public');
  try {
    ECDH.convertKey(element, 'prime256v1');
    return element;
  } catch {
    return fail('malformed', 'element: expected a point of P-256 in its canonical form');
  }
}
