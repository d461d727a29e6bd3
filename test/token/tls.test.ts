/** A TLS server and client whose private key never leaves the token. */
import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as curve from '../../src/oprf/point.ts';
import { createNodeKeys, openToken, type Token, tlsEngineOptions } from '../../src/token/index.ts';
import { makeSoftHsm } from './softhsm.ts';

const hsm = makeSoftHsm(['a; node']);
const config = hsm.config('a; node');
let token: Token;
let certificates: { readonly cert: string; readonly ca: string };

beforeAll(async () => {
  createNodeKeys({ ...config, pages: 2 });
  token = await openToken(config);
  certificates = await certify(token.tlsKey);
});
afterAll(async () => {
  await token?.close();
  hsm.remove();
});

async function certify(tlsKey: Uint8Array): Promise<{ cert: string; ca: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const raw = new Uint8Array(curve.encodeUncompressed(curve.decodePoint(tlsKey)));
  const publicKey = await crypto.subtle.importKey('raw', raw, algorithm, true, ['verify']);
  const common = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000), signingAlgorithm: algorithm };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    serialNumber: '01',
    name: 'CN=authority',
    keys,
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: '02',
    subject: 'CN=node',
    issuer: authority.subject,
    publicKey,
    signingKey: keys.privateKey,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  return { cert: leaf.toString('pem'), ca: authority.toString('pem') };
}

/** Server and client both prove the same key in the token. */
async function handshake(): Promise<string> {
  const options = { ...certificates, ...tlsEngineOptions(config), minVersion: 'TLSv1.3' } as const;
  const server = createServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(socket.authorized ? 'both' : 'one');
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const client: TLSSocket = connect({
      ...options,
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      servername: 'localhost',
    });
    let said = '';
    client.on('data', (data) => {
      said += data;
    });
    await once(client, 'close');
    return said;
  } finally {
    server.close();
  }
}

describe('TLS with the key in the token', () => {
  it('carries no PIN', () => {
    const options = tlsEngineOptions(config);
    expect(JSON.stringify(options)).not.toContain(config.pin.reveal());
    expect(options.privateKeyIdentifier).toBe('pkcs11:token=a%3B%20node;object=holdfast-tls;type=private');
  });

  it('authenticates both sides over TLS 1.3, while worker threads use the token too', async () => {
    const [said, signature] = await Promise.all([handshake(), token.sign(new Uint8Array(1))]);
    expect(said).toBe('both');
    expect(signature).toHaveLength(64);
  });

  it('refuses a second module: the engine knows one per process', () => {
    expect(() => tlsEngineOptions({ module: '/other.so', label: 'x' })).toThrow(/another module/);
  });
});
