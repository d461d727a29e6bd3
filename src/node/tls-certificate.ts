/**
 * The leaf that certifies a node's TLS key to its peers: signed by its identity key in the token, made anew at every start
 * and long before it expires, and never stored. It says one thing: this TLS key speaks for this node id (web/peer-trust.ts).
 *
 * What the identity key signs here starts with a DER SEQUENCE tag (0x30) and a long-form length; statements of the protocol
 * start with the length of their domain string and "h". Neither can be taken for the other.
 */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Id } from '../base/bytes.ts';
import type { Clock } from '../base/ports.ts';
import { anchorName, ECDSA_SHA256, spkiOf } from '../web/peer-trust.ts';

const HOUR_MS = 3_600_000;
/** A stolen TLS key is of use for no longer, and a node whose token is away for a few days still comes back. */
export const LEAF_LIFE_MS = 7 * 24 * HOUR_MS;
/** For peers whose clocks are behind. */
const BACKDATED_MS = HOUR_MS;

export interface LeafRequest {
  readonly node: Id;
  /** 33 bytes: the key to certify. */
  readonly tlsKey: Uint8Array;
  /** By the identity key over SHA-256(bytes): 64 bytes, r || s. */
  readonly sign: (bytes: Uint8Array) => Promise<Uint8Array>;
  readonly clock: Clock;
  readonly lifeMs?: number;
}

/** @returns PEM */
export async function issueLeaf({ node, tlsKey, sign, clock, lifeMs = LEAF_LIFE_MS }: LeafRequest): Promise<string> {
  const spki = spkiOf(tlsKey);
  const now = clock();
  const leaf = await x509.X509CertificateGenerator.create(
    {
      subject: 'CN=holdfast peer',
      issuer: anchorName(node),
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + lifeMs),
      publicKey: spki,
      // Only its algorithm is read: the signature is the token's.
      signingKey: await crypto.subtle.importKey('spki', spki, ECDSA_SHA256, true, ['verify']),
      signingAlgorithm: ECDSA_SHA256,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth], true),
      ],
    },
    signingWith(sign),
  );
  return leaf.toString('pem');
}

/** What the generator asks of Web Crypto, with the token in its place. */
function signingWith(sign: LeafRequest['sign']): Crypto {
  const subtle = { sign: (_algorithm: unknown, _key: unknown, tbs: ArrayBuffer) => sign(new Uint8Array(tbs)) };
  const getRandomValues = (array: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(array);
  return { subtle, getRandomValues } as unknown as Crypto;
}
