/**
 * The client key: a pass names it by its thumbprint (RFC 7800, `cnf.jkt` of RFC 9449), and it signs every request, so that a
 * stolen pass alone asks nothing.
 */
import { type Id, toBase64url, utf8 } from '../base/bytes.ts';
import { decodePoint, encodeUncompressed } from '../oprf/point.ts';
import { hash } from '../wire/signed.ts';

export interface PublicJwk {
  readonly crv: 'P-256';
  readonly kty: 'EC';
  /** 32 bytes, base64url. */
  readonly x: string;
  readonly y: string;
}

/** @param publicKey 33 bytes @throws `malformed` unless it is a point */
export function clientKeyJwk(publicKey: Uint8Array): PublicJwk {
  const point = encodeUncompressed(decodePoint(publicKey));
  return { crv: 'P-256', kty: 'EC', x: toBase64url(point.subarray(1, 33)), y: toBase64url(point.subarray(33)) };
}

/** RFC 7638, section 3: SHA-256 over the required members in lexicographic order, without white space. */
export function clientKeyId(publicKey: Uint8Array): Id {
  const { crv, kty, x, y } = clientKeyJwk(publicKey);
  return hash(utf8(JSON.stringify({ crv, kty, x, y })));
}
