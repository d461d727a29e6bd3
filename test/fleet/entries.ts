/** Fleet entries for tests: public keys of the private keys 1, 2, 3... */
import { createECDH } from 'node:crypto';
import { toBase64url } from '../../src/base/bytes.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';

export function publicKey(privateKey: number): Uint8Array {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.from(privateKey.toString(16).padStart(64, '0'), 'hex'));
  return Uint8Array.from(ecdh.getPublicKey(null, 'compressed'));
}

/** A fleet as `makeEntry` takes it; node i has the private keys from + 2i and from + 2i + 1. */
export function entryFleet(namespace: string, size: number, from = 1) {
  const quorum = Math.floor(size / 2) + 1;
  const keys = Array.from({ length: size }, (_, i) => ({ identityKey: publicKey(from + 2 * i), sealingKey: publicKey(from + 2 * i + 1) }));
  const fleet = makeFleet(namespace, quorum, quorum, keys);
  return {
    state: 'active' as const,
    since: '2026-01-01T00:00:00Z',
    id: fleet.id,
    quorum,
    threshold: quorum,
    nodes: fleet.nodes.map(({ id, identityKey, sealingKey }, i) => ({
      id,
      name: `node-${i + 1}`,
      region: `region-${i + 1}`,
      operator: 'Example',
      identityKey: toBase64url(identityKey),
      sealingKey: toBase64url(sealingKey),
      token: { model: 'SoftHSM v2', class: 'host' as const, simulated: true },
      url: `https://node-${i + 1}.example.org`,
    })),
    measurements: [{ digest: 'cd'.repeat(32) as typeof fleet.id, rebuild: 'scripts/release' }],
    evidence: [{ about: 'ceremony transcript', digest: 'ef'.repeat(32) as typeof fleet.id, url: 'https://example.org/ceremony' }],
  };
}
