/**
 * A request for a TLS certificate (PKCS #10, RFC 2986) for a node's TLS key, signed in its token: what a certification authority
 * is given. It asks for the host name in the node's address.
 */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { toBase64url } from '../base/bytes.ts';
import { decodeUncompressed, encodePoint } from '../oprf/point.ts';
import { ECDSA_SHA256, spkiOf } from '../web/peer-trust.ts';

/** @param tlsKey 33 bytes @param url of the node @param sign by the TLS key: 64 bytes, r || s @returns PEM */
export async function requestCertificate(
  tlsKey: Uint8Array,
  url: string,
  sign: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  const { hostname } = new URL(url);
  const spki = spkiOf(tlsKey);
  const publicKey = await crypto.subtle.importKey('spki', spki, ECDSA_SHA256, true, ['verify']);
  const name: x509.JsonGeneralName = /^[\d.]+$|:/.test(hostname)
    ? { type: 'ip', value: hostname.replace(/^\[|\]$/g, '') }
    : { type: 'dns', value: hostname };
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: [{ CN: [hostname] }],
      // Only its algorithm is read: the signature is the token's.
      keys: { publicKey, privateKey: publicKey },
      signingAlgorithm: ECDSA_SHA256,
      extensions: [new x509.SubjectAlternativeNameExtension([name])],
    },
    signingWith(sign, spki),
  );
  return `${request.toString('pem')}\n`;
}

/** What the generator asks of Web Crypto, with the token in its place. */
function signingWith(sign: (bytes: Uint8Array) => Promise<Uint8Array>, spki: Uint8Array<ArrayBuffer>): Crypto {
  const subtle = {
    exportKey: async () => spki.buffer,
    sign: (_algorithm: unknown, _key: unknown, tbs: ArrayBuffer) => sign(new Uint8Array(tbs)),
  };
  return { subtle } as unknown as Crypto;
}

/** The key a request is for, base64url of 33 bytes, and whether it signed. @throws when it is no request */
export async function readRequest(pem: string): Promise<{ publicKey: string; verifies: boolean }> {
  const request = new x509.Pkcs10CertificateRequest(pem);
  const spki = new Uint8Array(request.publicKey.rawData);
  return { publicKey: toBase64url(encodePoint(decodeUncompressed(spki.subarray(-65)))), verifies: await request.verify() };
}
