/**
 * What `decodePoint` of src/oprf/point.ts does, with OpenSSL for the square root: a quarter of the time, on the
 * path of every evaluation. Nothing is accepted here that is not accepted there: the result goes through its checks.
 */
import { ECDH } from 'node:crypto';
import { fail, HoldfastError } from '../base/errors.ts';
import { decodeUncompressed, type Point } from '../oprf/point.ts';

/** @throws `malformed` unless `bytes` is the 33-byte compressed form of a point other than the identity. */
export function decompress(bytes: Uint8Array): Point {
  // OpenSSL takes all SEC 1 forms; one point must have one spelling.
  const compressed = bytes.length === 33 && (bytes[0] === 2 || bytes[0] === 3);
  return compressed ? decodeUncompressed(uncompress(bytes)) : fail('malformed', 'expected a compressed point', { got: bytes.length });
}

/** Whether `decompress` takes these bytes. */
export function isPoint(bytes: Uint8Array): boolean {
  try {
    decompress(bytes);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}

function uncompress(bytes: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(ECDH.convertKey(bytes, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer);
  } catch (cause) {
    return fail('malformed', 'not a point of P-256 in its canonical form', {}, cause);
  }
}
