/** A maker of devices that attest with X.509: root, device, and a certificate for a key in it. */
import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509';
import { spkiOf } from '../../src/web/peer-trust.ts';
import { publicKey } from '../fleet/entries.ts';
import { DAY_MS, NOW_MS } from '../trust/world.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
type Keys = Awaited<ReturnType<typeof newKeys>>;
const newKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

interface Wanted {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: CryptoKey;
  readonly by: Keys;
  readonly isCa: boolean;
  readonly days?: number;
}

let serial = 1;

async function certificate({ subject, issuer, publicKey: key, by, isCa, days = 400 }: Wanted): Promise<string> {
  serial += 1;
  const notBefore = new Date(NOW_MS - 2 * DAY_MS);
  const made = await X509CertificateGenerator.create({
    serialNumber: serial.toString(16).padStart(4, '0'),
    subject: `CN=${subject}`,
    issuer: `CN=${issuer}`,
    notBefore,
    notAfter: new Date(notBefore.getTime() + days * DAY_MS),
    publicKey: key,
    signingKey: by.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(isCa, undefined, true)],
  });
  return `${made.toString('pem')}\n`;
}

export async function makeMaker() {
  const [rootKeys, deviceKeys, attestedKeys] = [await newKeys(), await newKeys(), await newKeys()];
  const root = await certificate({ subject: 'root', issuer: 'root', publicKey: rootKeys.publicKey, by: rootKeys, isCa: true });
  const device = await certificate({ subject: 'device', issuer: 'root', publicKey: deviceKeys.publicKey, by: rootKeys, isCa: true });
  const keyIn = (privateKey: number) =>
    crypto.subtle.importKey('spki', Uint8Array.from(spkiOf(publicKey(privateKey))), ALGORITHM, true, ['verify']);
  return {
    root: Buffer.from(root),
    /** What the device gives for the key with this private key. */
    chainFor: async (privateKey: number, { cut = false, days = 400 } = {}): Promise<Buffer> => {
      const leaf = {
        subject: `key ${privateKey}`,
        issuer: 'device',
        publicKey: await keyIn(privateKey),
        by: deviceKeys,
        isCa: false,
        days,
      };
      return Buffer.from((await certificate(leaf)) + (cut ? '' : device));
    },
    /** A key that the device attested certifies another, in software. */
    forgedFor: async (privateKey: number): Promise<Buffer> => {
      const attested = { subject: 'attested', issuer: 'device', publicKey: attestedKeys.publicKey, by: deviceKeys, isCa: false };
      const forged = { subject: 'software', issuer: 'attested', publicKey: await keyIn(privateKey), by: attestedKeys, isCa: false };
      return Buffer.from((await certificate(forged)) + (await certificate(attested)) + device);
    },
  };
}

/** As a public key confirmation comes. */
export function asPkcs7(chain: Uint8Array): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-pkcs7-'));
  writeFileSync(join(folder, 'chain.pem'), chain);
  const made = execFileSync('openssl', ['crl2pkcs7', '-nocrl', '-certfile', join(folder, 'chain.pem'), '-outform', 'DER']);
  rmSync(folder, { recursive: true });
  return made;
}
