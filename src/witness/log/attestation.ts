/**
 * Whether a token's maker vouches for a sealing key, for makers who do it with X.509: a chain of certificates from a root of the maker
 * to one whose public key is the sealing key, as PEM or PKCS#7 (a "public key confirmation" of Thales Luna). Called by policy.ts, with
 * the roots that the witness published. UNTRIED against any device: made chains are all that it has seen.
 *
 * What it does not say: that the private key cannot leave the device, which the maker states in extensions of its own or by issuing such
 * certificates for no others; nor that a device was not reported stolen, as makers publish no revocations. Attestations of other
 * forms (Entrust nShield's bundles are no X.509) are not verified here.
 */
import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { X509Certificates } from '@peculiar/x509';
import { equalBytes } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { decodePoint, encodeUncompressed } from '../../oprf/point.ts';

/** By the format that entries call it: the roots of its maker. */
export type AttestationRoots = ReadonlyMap<string, readonly X509Certificate[]>;

const CERTIFICATES_MAX = 16;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @throws `malformed` for what holds no certificate, or too many */
export function readCertificates(file: Uint8Array): readonly X509Certificate[] {
  const all = certificatesIn(file);
  if (all.length === 0 || all.length > CERTIFICATES_MAX)
    fail('malformed', `expected 1 to ${CERTIFICATES_MAX} certificates, as PEM or PKCS#7`, { got: all.length });
  return all;
}

function certificatesIn(file: Uint8Array): readonly X509Certificate[] {
  try {
    const pem = Buffer.from(file).toString('latin1').match(PEM);
    const ders = pem ?? [...new X509Certificates(Uint8Array.from(file))].map(({ rawData }) => Buffer.from(rawData));
    return ders.map((one) => new X509Certificate(one));
  } catch {
    return [];
  }
}

/** @returns why the file does not attest this key @param sealingKey 33 bytes, P-256 */
export function whyNotAttested(
  file: Uint8Array,
  sealingKey: Uint8Array,
  roots: readonly X509Certificate[],
  nowMs: number,
): string | undefined {
  const all = readCertificates(file);
  const leaf = all.find((one) => isOf(one, sealingKey));
  if (leaf === undefined) return 'no certificate in it is for this key';
  return leadsToRoot(leaf, all, roots, nowMs) ? undefined : 'its certificates do not lead from a root of the maker to this key';
}

/**
 * RFC 5280, section 6.1, as far as makers' chains go: names, signatures, times, and that whoever issues is an authority. (Attack: a key
 * that a genuine device attested signs a certificate for a key in software.)
 */
function leadsToRoot(leaf: X509Certificate, all: readonly X509Certificate[], roots: readonly X509Certificate[], nowMs: number): boolean {
  const seen = new Set<X509Certificate>();
  for (let at: X509Certificate | undefined = leaf; at !== undefined && !seen.has(at); ) {
    const below: X509Certificate = at;
    seen.add(below);
    if (!isValidAt(below, nowMs)) return false;
    const issues = (one: X509Certificate): boolean => one.ca && below.checkIssued(one) && below.verify(one.publicKey);
    if (roots.some((root) => isValidAt(root, nowMs) && issues(root))) return true;
    at = all.find((one) => one !== below && issues(one));
  }
  return false;
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, nowMs: number): boolean {
  return validFromDate.getTime() <= nowMs && nowMs <= validToDate.getTime();
}

function isOf({ publicKey }: X509Certificate, sealingKey: Uint8Array): boolean {
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return equalBytes(point, encodeUncompressed(decodePoint(sealingKey)));
}
