/**
 * TLS certificates of a development fleet, from an authority that exists while this function runs: its private key is never
 * written anywhere. A deployment takes its TLS certificates from whoever it likes: nobody's trust in a vault rests on TLS
 * (docs/design.md, "The token"); what a node says is signed by its identity key.
 */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { spkiOf } from '../web/peer-trust.ts';

export interface TlsServer {
  readonly name: string;
  /** 33 bytes compressed; the private half stays in the token. */
  readonly tlsKey: Uint8Array;
}

export interface TlsCertificates {
  /** PEM, what clients trust. */
  readonly authority: string;
  /** PEM by server name; each is for `localhost`, 127.0.0.1 and ::1. */
  readonly servers: ReadonlyMap<string, string>;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
const SHA256 = { name: 'ECDSA', hash: 'SHA-256' };
const HERE: x509.JsonGeneralNames = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

/** @param validFrom, validUntil milliseconds since 1970 */
export async function makeTlsCertificates(servers: readonly TlsServer[], validFrom: number, validUntil: number): Promise<TlsCertificates> {
  const keys = await crypto.subtle.generateKey(P256, false, ['sign', 'verify']);
  const validity = { notBefore: new Date(validFrom), notAfter: new Date(validUntil), signingAlgorithm: SHA256 };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: [{ CN: ['Holdfast development authority'] }],
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const certify = async ({ name, tlsKey }: TlsServer): Promise<readonly [string, string]> => {
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity,
      subject: [{ CN: [name] }],
      issuer: authority.subjectName,
      publicKey: spkiOf(tlsKey),
      signingKey: keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(HERE),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return [name, pem(certificate)];
  };
  return { authority: pem(authority), servers: new Map(await Promise.all(servers.map(certify))) };
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
