/** Fleets whose private keys the test holds, nodes' leaves, and a vault that answers without being one. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { makeFleet } from '../../src/fleet/fleet.ts';
import { issueLeaf } from '../../src/node/tls-certificate.ts';
import type { TlsCredentials } from '../../src/web/listen.ts';
import type { MemberPort, PublicationPort, VaultPort } from '../../src/web/ports.ts';

interface Pair {
  readonly privateKey: KeyObject;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
}

export function newPair(): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-65);
  return { privateKey, publicKey: Uint8Array.from([2 + (point[64]! & 1), ...point.subarray(1, 33)]) };
}

export function newFleet(namespace = 'example.org/vault', size = 3) {
  const keys = Array.from({ length: size }, () => ({ identity: newPair(), sealing: newPair(), tls: newPair() }));
  const quorum = Math.floor(size / 2) + 1;
  const fleet = makeFleet(
    namespace,
    quorum,
    quorum,
    keys.map((node) => ({ identityKey: node.identity.publicKey, sealingKey: node.sealing.publicKey })),
  );
  return { fleet, nodes: fleet.nodes.map((node, i) => ({ ...node, ...keys[i]! })) };
}
export type TestNode = ReturnType<typeof newFleet>['nodes'][number];

const signWith = (key: KeyObject) => async (bytes: Uint8Array) =>
  Uint8Array.from(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));

/** @param at when the leaf is made: seven days long from then */
export async function credentialsOf(node: Pick<TestNode, 'id' | 'identity' | 'tls'>, at = Date.now()) {
  const leaf = (now: number) =>
    issueLeaf({ node: node.id, tlsKey: node.tls.publicKey, sign: signWith(node.identity.privateKey), clock: () => now });
  const key = node.tls.privateKey.export({ format: 'pem', type: 'pkcs8' });
  let cert = await leaf(at);
  const renewals: (() => void)[] = [];
  return {
    current: () => ({ cert, key }),
    onRenewal: (renewed) => void renewals.push(renewed),
    async renew(now: number) {
      cert = await leaf(now);
      for (const renewed of renewals) renewed();
    },
  } satisfies TlsCredentials & { renew: (now: number) => Promise<void> };
}

const absent = () => Promise.reject(new Error('not part of this test'));

/** @param member what the vault behind the listener says */
export function vaultOf(fleet: VaultPort['fleet'], self: TestNode, member: Partial<MemberPort>, rest: Partial<VaultPort> = {}): VaultPort {
  const whole = {
    ask: absent,
    cancel: absent,
    events: absent,
    teach: absent,
    proofOf: absent,
    changes: absent,
    inventory: absent,
    ...member,
  };
  const operations = ['status', 'register', 'activate', 'attempt', 'confirm', 'cancel', 'events', 'wait'] as const;
  const clients = Object.fromEntries(operations.map((name) => [name, absent])) as Record<(typeof operations)[number], typeof absent>;
  return { fleet, self: self.id, member: whole, clients, health: absent, shares: absent, ...rest };
}

/** Of a node that serves nothing over the air. */
export const unpublished: PublicationPort = { served: undefined, offer: absent, signEntry: absent, live: absent };

export function memoryTrace() {
  const lines: { readonly fields: object; readonly message: string }[] = [];
  const add = (fields: object, message: string) => void lines.push({ fields, message });
  return { lines, trace: { info: add, warn: add, error: add } };
}
