/**
 * A node whose host is somebody else's: its token's PIN is known, its program is not ours. It signs what it likes under its
 * identity key, certifies a TLS key of its own, speaks to the other nodes and is asked by them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Id } from '../../../src/base/bytes.ts';
import { Secret } from '../../../src/base/secret.ts';
import { activeFleet } from '../../../src/fleet/entry.ts';
import { issueLeaf } from '../../../src/node/tls-certificate.ts';
import { NODE_KEYS, openSigners, type Signers } from '../../../src/token/index.ts';
import type { Listener, TlsCredentials } from '../../../src/web/listen.ts';
import { makePasses } from '../../../src/web/pass.ts';
import { connectPeers, type Peers } from '../../../src/web/peer-client.ts';
import { startPeerListener } from '../../../src/web/peer-listener.ts';
import type { MemberPort } from '../../../src/web/ports.ts';
import { encodeMessage, type Message, type MessageType } from '../../../src/wire/message.ts';
import type { Signed } from '../../../src/wire/signed.ts';
import { memoryTrace, newPair, unpublished, vaultOf } from '../../web/fleet.ts';
import type { TestFleet } from '../fleet.ts';
import { accountsFile } from '../raw.ts';

const CALLS = { connectionsMax: 4, inFlightMax: 100, callLimitMs: 20_000 };
const LISTENER = { connectionsMax: 100, strangersPerAddressMax: 100, handshakeLimitMs: 5000, requestLimitMs: 5000 };

export class Traitor {
  readonly id: Id;
  readonly credentials: TlsCredentials;
  readonly #fleet: TestFleet;
  readonly #name: string;
  readonly #signers: Signers;
  #listener: Listener | undefined;
  #peers: Peers | undefined;

  private constructor(fleet: TestFleet, name: string, id: Id, signers: Signers, credentials: TlsCredentials) {
    this.id = id;
    this.credentials = credentials;
    this.#fleet = fleet;
    this.#name = name;
    this.#signers = signers;
  }

  /** In place of the node's own program. One in each process: SoftHSM reads its configuration once. */
  static async of(fleet: TestFleet, node: number): Promise<Traitor> {
    const name = `node-${node}`;
    const folder = join(fleet.folder, name);
    await fleet.stop(node);
    process.env['SOFTHSM2_CONF'] = join(folder, 'softhsm2.conf');
    const { module, label } = fleet.config(name)['token'] as { module: string; label: string };
    const pin = new Secret(readFileSync(join(folder, 'pin'), 'utf8').trim());
    const signers = await openSigners({ module, label, pin }, [NODE_KEYS.identity]);
    const { id } = activeFleet(fleet.entry, { allowSimulated: true }).fleet.nodes[node - 1] ?? never();
    const tls = newPair();
    const sign = (bytes: Uint8Array) => signers.sign(NODE_KEYS.identity, bytes);
    const cert = await issueLeaf({ node: id, tlsKey: tls.publicKey, sign, clock: Date.now });
    const key = tls.privateKey.export({ format: 'pem', type: 'pkcs8' });
    return new Traitor(fleet, name, id, signers, { current: () => ({ cert, key }), onRenewal: () => undefined });
  }

  /** Truly signed by this node, whoever it says that it is. */
  async says<T extends MessageType>(type: T, message: Omit<Message<T>, 'fleet' | 'signer'> & { signer?: Id }): Promise<Signed> {
    const bytes = encodeMessage(type, { fleet: this.#fleetOf().id, signer: this.id, ...message } as unknown as Message<T>);
    return { bytes, signature: await this.#signers.sign(NODE_KEYS.identity, bytes) };
  }

  /** Another node, as it takes this one for a peer. */
  async at(node: number): Promise<MemberPort> {
    const peers = this.#fleet.config(this.#name)['peers'] as Record<string, string>;
    const { nodes } = this.#fleetOf();
    const addresses = new Map(
      Object.entries(peers).map(([name, address]) => {
        const [host = '', port = ''] = address.split(':');
        return [nodes[Number(name.slice('node-'.length)) - 1]?.id ?? never(), { host, port: Number(port) }];
      }),
    );
    this.#peers ??= await connectPeers({ fleet: this.#fleetOf(), self: this.id, addresses, credentials: this.credentials, ...CALLS });
    return this.#peers.at(nodes[node - 1]?.id ?? never(), AbortSignal.timeout(60_000));
  }

  /** Answers the other nodes at this node's address, as it says from here on. */
  async serve(member: Partial<MemberPort>): Promise<void> {
    const { host, port } = this.#fleet.config(this.#name)['peer'] as { host?: string; port: number };
    const { issuer, audience, tenant } = this.#fleet.config(this.#name)['passes'] as Record<'issuer' | 'audience' | 'tenant', string>;
    const { kty, crv, x, y, kid } = accountsFile(this.#fleet, 'data', 'signing-key.json') as Record<string, string>;
    const jwks = { keys: [{ kty: kty ?? '', crv: crv ?? '', x: x ?? '', y: y ?? '', kid: kid ?? '', alg: 'ES256' }] };
    const passes = makePasses({ namespace: this.#fleet.entry.namespace, issuer, audience, tenant, jwks }, Date.now);
    const vault = vaultOf(this.#fleetOf(), { id: this.id } as never, member);
    const address = { host: host ?? '127.0.0.1', port };
    const { trace } = memoryTrace();
    await this.#listener?.close(100);
    this.#listener = await startPeerListener(vault, {
      address,
      credentials: this.credentials,
      passes,
      publication: unpublished,
      trace,
      ...LISTENER,
    });
  }

  async close(): Promise<void> {
    await this.#peers?.close();
    await this.#listener?.close(100);
    await this.#signers.close();
  }

  #fleetOf() {
    return activeFleet(this.#fleet.entry, { allowSimulated: true }).fleet;
  }
}

function never(): never {
  throw new Error('there is no such node');
}
