/**
 * Whom a node's peer listener and peer connections trust: exactly the identity keys that the fleet entry names, and no file
 * beside it. A node certifies its TLS key with its identity key (node/tls-certificate.ts); for each node of the fleet this
 * makes the trust anchor that OpenSSL checks such a leaf against.
 *
 * A trust anchor is a name and a public key (RFC 5280, section 6.1.1 d); both follow from the entry, so every node makes the
 * anchors itself and none has to be exchanged. An anchor's own signature is no part of path validation, so it is left zero.
 *
 *   anchor  issuer = subject = CN=<node id>    key: the identity key    CA, may sign leaves only
 *   leaf    issuer = CN=<node id>              key: the TLS key         signed by the identity key, days long
 */
import { createPublicKey, type X509Certificate } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { concatBytes, type Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Fleet, FleetNode } from '../fleet/fleet.ts';
import { decodePoint, encodeUncompressed } from '../oprf/point.ts';

/** SubjectPublicKeyInfo of a P-256 key (RFC 5480, section 2), up to the 65-byte point. */
const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
export const ECDSA_SHA256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** An identity key lives as long as its fleet (RFC 5280, section 4.1.2.5: no well-defined end). */
const NO_END = new Date('9999-12-31T23:59:59Z');

/** @param publicKey 33 bytes @returns DER */
export function spkiOf(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(concatBytes(SPKI_HEAD, encodeUncompressed(decodePoint(publicKey))));
}

/** Of the anchor, and the issuer of its leaf: 64 hex digits are as much as a common name may hold. */
export function anchorName(node: Id): string {
  return `CN=${node}`;
}

/** @returns PEM */
export async function anchorOf({ id, identityKey }: FleetNode): Promise<string> {
  const anchor = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: anchorName(id),
    issuer: anchorName(id),
    notBefore: new Date(0),
    notAfter: NO_END,
    publicKey: spkiOf(identityKey),
    signature: new Uint8Array(64),
    signingAlgorithm: ECDSA_SHA256,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)],
  });
  return anchor.toString('pem');
}

export function anchorsOf({ nodes }: Fleet): Promise<string[]> {
  return Promise.all(nodes.map(anchorOf));
}

/**
 * Which node a TLS peer is, by the identity key that signed its leaf: read from the entry, not from a name in the leaf.
 * OpenSSL has checked the path and that the peer holds the TLS key.
 * @throws `not-signed` for a leaf of none of them
 */
export function identify(leaf: X509Certificate | undefined, { nodes }: Fleet): Id {
  const peer = leaf && nodes.find(({ identityKey }) => leaf.verify(keyObject(identityKey)));
  return peer?.id ?? fail('not-signed', 'the TLS certificate of the peer is of no node of this fleet');
}

const keyObject = (publicKey: Uint8Array) => createPublicKey({ key: Buffer.from(spkiOf(publicKey)), format: 'der', type: 'spki' });
