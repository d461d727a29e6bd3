/**
 * How a node asks the others: each as a `MemberPort`, over kept-alive connections of mutual TLS 1.3. A connection trusts
 * the one identity key that the fleet entry names for that node, so no other node of the fleet can stand in for it.
 *
 * A coded error is what the other node refuses with. Everything else is `Unreachable`, with why in words: no connection, no
 * answer in time, an answer that is not as documented, too many calls waiting already.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import { errorBody } from '../api/bodies.ts';
import { decodeJson, encodeJson } from '../api/json.ts';
import { PEER_REPLY_BYTES_MAX, type PeerOperation, peerOperations } from '../api/peers.ts';
import type { Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Fleet, FleetNode } from '../fleet/fleet.ts';
import type { Question } from '../quorum/member/member.ts';
import { spellAsk, spellCaller } from './asks.ts';
import type { Address, TlsCredentials } from './listen.ts';
import { anchorOf } from './peer-trust.ts';
import type { MemberPort, PeersPort } from './ports.ts';

export interface PeerClientOptions {
  readonly fleet: Fleet;
  readonly self: Id;
  /** Of every other node. */
  readonly addresses: ReadonlyMap<Id, Address>;
  readonly credentials: TlsCredentials;
  readonly connectionsMax: number;
  /** Calls to one peer that run or wait. */
  readonly inFlightMax: number;
  readonly callLimitMs: number;
}

export interface Peers extends PeersPort {
  /** What a peer serves, when it is another than `have` (zeros for none); nothing is checked. */
  bundle(node: Id, have: Id, signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}

/** The other node said nothing that counts. */
class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly node: Id;

  constructor(node: Id, why: string, cause?: unknown) {
    super(`node ${node.slice(0, 8)} cannot be reached: ${why}`, { cause });
    this.node = node;
  }
}

/** @throws `configuration` when the address of a node is missing */
export async function connectPeers(options: PeerClientOptions): Promise<Peers> {
  const { fleet, self, addresses } = options;
  const others = fleet.nodes.filter(({ id }) => id !== self);
  const links = new Map<Id, Link>();
  for (const node of others) {
    const address = addresses.get(node.id) ?? fail('configuration', 'peers: the address of a node is missing', { node: node.id });
    links.set(node.id, await Link.to(node, address, options));
  }
  const linkTo = (node: Id) => links.get(node) ?? fail('alarm', 'a node asks for a peer that is not of its fleet');
  return {
    at: (node, signal) => memberOver(linkTo(node), signal),
    bundle: async (node, have, signal) => (await linkTo(node).call('bundle', { have }, signal)).bundle,
    close: async () => {
      await Promise.all([...links.values()].map((link) => link.close()));
    },
  };
}

/** A coordinator puts the same ask to every member: it is spelled once. */
const spelled = new WeakMap<Question, string>();

function textOf(ask: Question): string {
  const text = spelled.get(ask) ?? textOfRequest('ask', spellAsk(ask));
  spelled.set(ask, text);
  return text;
}

function textOfRequest<Op extends PeerOperation>(operation: Op, request: RequestTo<Op>): string {
  return JSON.stringify(encodeJson<unknown>(peerOperations[operation].request, request));
}

function memberOver(link: Link, signal: AbortSignal): MemberPort {
  return {
    ask: (ask) => link.send('ask', textOf(ask), signal),
    cancel: (place, cancelled) => link.call('cancel', { place, cancelled }, signal),
    events: (ask) => link.call('events', spellCaller(ask), signal),
    teach: async (proof) => {
      await link.call('teach', { proof }, signal);
    },
    proofOf: async (slot) => (await link.call('proof', { slot }, signal)).proof,
    changes: (after, limit) => link.call('changes', { after, limit }, signal),
    inventory: (after, limit) => link.call('inventory', { limit, ...(after && { after }) }, signal),
  };
}

type RequestTo<Op extends PeerOperation> = ReturnType<(typeof peerOperations)[Op]['request']['parse']>;
type ReplyOf<Op extends PeerOperation> = ReturnType<(typeof peerOperations)[Op]['reply']['parse']>;

class Link {
  readonly #pool: Pool;
  readonly #node: Id;
  readonly #options: PeerClientOptions;
  #inFlight = 0;

  private constructor(node: Id, pool: Pool, options: PeerClientOptions) {
    this.#node = node;
    this.#pool = pool;
    this.#options = options;
  }

  static async to(node: FleetNode, { host, port }: Address, options: PeerClientOptions): Promise<Link> {
    const { connectionsMax, callLimitMs } = options;
    const pool = new Pool(`https://${host.includes(':') ? `[${host}]` : host}:${port}`, {
      connections: connectionsMax,
      pipelining: 1,
      keepAliveTimeout: 60_000,
      headersTimeout: callLimitMs,
      bodyTimeout: callLimitMs,
      maxResponseSize: PEER_REPLY_BYTES_MAX,
      connect: connector(await anchorOf(node), options),
    });
    return new Link(node.id, pool, options);
  }

  call<Op extends PeerOperation>(operation: Op, request: RequestTo<Op>, stop: AbortSignal): Promise<ReplyOf<Op>> {
    return this.send(operation, textOfRequest(operation, request), stop);
  }

  async send<Op extends PeerOperation>(operation: Op, request: string, stop: AbortSignal): Promise<ReplyOf<Op>> {
    const { inFlightMax, callLimitMs } = this.#options;
    if (this.#inFlight >= inFlightMax) throw new Unreachable(this.#node, `${this.#inFlight} calls wait for it already`);
    this.#inFlight += 1;
    // Not AbortSignal.any and AbortSignal.timeout, which cost as much as the rest of the call.
    const ended = new AbortController();
    const abandon = () => ended.abort(new Unreachable(this.#node, 'nobody waits for its answer any more'));
    const late = setTimeout(() => ended.abort(new Unreachable(this.#node, 'it did not answer in time')), callLimitMs);
    stop.addEventListener('abort', abandon);
    if (stop.aborted) abandon();
    try {
      const { statusCode, body } = await this.#pool.request({
        method: 'POST',
        path: `/peer/v1/${operation}`,
        headers: { 'content-type': 'application/json' },
        body: request,
        signal: ended.signal,
      });
      return this.#read(statusCode, await body.text(), peerOperations[operation].reply) as ReplyOf<Op>;
    } catch (error) {
      throw explain(error, this.#node);
    } finally {
      clearTimeout(late);
      stop.removeEventListener('abort', abandon);
      this.#inFlight -= 1;
    }
  }

  #read(status: number, text: string, reply: Parameters<typeof decodeJson<unknown>>[0]): unknown {
    if (status === 200) return believed(() => decodeJson(reply, JSON.parse(text), 'the answer'), this.#node);
    const { error } = believed(() => decodeJson(errorBody, JSON.parse(text), 'the answer'), this.#node);
    return fail(error.code, error.message, error.evidence);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function believed<T>(read: () => T, node: Id): T {
  try {
    return read();
  } catch (error) {
    throw new Unreachable(node, 'its answer is not as documented', error);
  }
}

function connector(anchor: string, { credentials, callLimitMs }: PeerClientOptions): buildConnector.connector {
  // Made once per leaf, not per connection: it opens the TLS key in the token.
  let context: SecureContext | undefined;
  credentials.onRenewal(() => {
    context = undefined;
  });
  return (options, done) => {
    try {
      context ??= createSecureContext({ ...credentials.current(), ca: anchor, minVersion: 'TLSv1.3' });
    } catch (error) {
      return done(error as Error, null);
    }
    const connect = buildConnector({
      secureContext: context,
      timeout: callLimitMs,
      // Resumption would go on with a leaf that has expired since.
      maxCachedSessions: 0,
      allowH2: false,
      // The name in the leaf says nothing: the one trust anchor is the identity key of exactly this node.
      checkServerIdentity: () => undefined,
    });
    return connect(options, done);
  };
}

const STRANGER = 'its TLS certificate is not of the identity key that the fleet entry names for it';
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at its address',
  ENOTFOUND: 'its host name does not resolve',
  EHOSTUNREACH: 'there is no way to its address',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer at its address',
  UND_ERR_SOCKET: 'it closed the connection: if at once, it does not take the TLS certificate of this node',
  ECONNRESET: 'it closed the connection: if at once, it does not take the TLS certificate of this node',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a TLS certificate of a node of its fleet',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what listens at its address does not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens at its address does not speak TLS 1.3',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'what listens at its address does not speak TLS 1.3',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired: it was not restarted, or a clock is wrong',
  CERT_NOT_YET_VALID: 'its TLS certificate is not valid yet: a clock is wrong',
  CERT_SIGNATURE_FAILURE: STRANGER,
  SELF_SIGNED_CERT_IN_CHAIN: STRANGER,
  DEPTH_ZERO_SELF_SIGNED_CERT: STRANGER,
  UNABLE_TO_GET_ISSUER_CERT: STRANGER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: STRANGER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: STRANGER,
};

function explain(error: unknown, node: Id): Error {
  if (error instanceof HoldfastError || error instanceof Unreachable) return error;
  const { name, code = name } = error as { name: string; code?: string };
  return new Unreachable(node, `${REASONS[code] ?? 'the connection failed'} (${code})`, error);
}
