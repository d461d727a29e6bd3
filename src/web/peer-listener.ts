/**
 * Where the other nodes of the fleet ask: mutual TLS 1.3 under the identity keys of the fleet entry (peer-trust.ts), a few
 * routes, nothing else. No rate limit and no request log here: they would halve what the fleet can do, and only its own
 * nodes get this far. Each has its part of the connections, and asks one thing at a time on each.
 *
 * Whoever has a node's TLS key can at most make this node read records that prove themselves, and ask what clients signed.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { decodeJson, encodeJson } from '../api/json.ts';
import { PEER_BODY_BYTES_MAX, type PeerOperation, peerOperations } from '../api/peers.ts';
import type { Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { errorAnswer, isJson, type Trace } from './answer.ts';
import { readAsk, readCaller } from './asks.ts';
import { boundPerAddress } from './crowd.ts';
import { limitHellos } from './hello-limit.ts';
import { type Address, type Listener, listen, type TlsCredentials } from './listen.ts';
import type { Passes } from './pass.ts';
import { anchorsOf, identify } from './peer-trust.ts';
import type { PublicationPort, VaultPort } from './ports.ts';
import { bundleFor } from './publication-routes.ts';

export interface PeerListenerOptions {
  readonly address: Address;
  readonly credentials: TlsCredentials;
  readonly passes: Passes;
  readonly publication: Pick<PublicationPort, 'served'>;
  readonly connectionsMax: number;
  /** Connections of one address that have not shown who they are. */
  readonly strangersPerAddressMax: number;
  /** To show it. */
  readonly handshakeLimitMs: number;
  /** To send a request whole. */
  readonly requestLimitMs: number;
  readonly trace: Trace;
}

type Handlers = {
  readonly [Op in PeerOperation]: (
    request: ReturnType<(typeof peerOperations)[Op]['request']['parse']>,
  ) => Promise<ReturnType<(typeof peerOperations)[Op]['reply']['parse']>>;
};

function handlers({ fleet, member }: VaultPort, { passes, publication }: PeerListenerOptions): Handlers {
  return {
    ask: async (spelled) => member.ask(await readAsk(spelled, fleet, passes)),
    cancel: ({ place, cancelled }) => member.cancel(place, cancelled),
    teach: async ({ proof }) => {
      await member.teach(proof);
      return {};
    },
    proof: async ({ slot }) => {
      const proof = await member.proofOf(slot);
      return proof === undefined ? {} : { proof };
    },
    changes: async ({ after, limit }) => {
      const { changes, ...rest } = await member.changes(after, limit);
      return { changes: [...changes], ...rest };
    },
    inventory: async ({ after, limit }) => {
      const { holdings, ...rest } = await member.inventory(after, limit);
      return { holdings: [...holdings], ...rest };
    },
    bundle: async ({ have }) => bundleFor(have, publication),
    events: async (spelled) => member.events(await readCaller(spelled, passes)),
  };
}

/** By hand: what Express does for browsers would cost as much here as an ask. */
function routes(port: VaultPort, options: PeerListenerOptions): RequestListener {
  const handle = handlers(port, options) as Record<PeerOperation, (request: unknown) => Promise<unknown>>;
  const operations = new Map((Object.keys(peerOperations) as PeerOperation[]).map((operation) => [`/peer/v1/${operation}`, operation]));
  const mayGreet = limitHellos();
  const answer = async (operation: PeerOperation, request: IncomingMessage): Promise<unknown> => {
    const { request: asked, reply } = peerOperations[operation];
    const body = decodeJson<unknown>(asked, await readJson(request), 'the body');
    if (operation === 'ask' && (body as { readonly op: string }).op === 'hello')
      mayGreet(identify((request.socket as TLSSocket).getPeerX509Certificate(), port.fleet));
    return encodeJson<unknown>(reply, await handle[operation](body));
  };
  /** Connections with a request that is not answered yet. */
  const busy = new WeakSet<Socket>();
  return (request, response) => {
    const { method = '', url = '', socket } = request;
    // Our nodes ask one thing at a time. (Attack: a node whose host is somebody else's sends thousands of questions in one go, and
    // their answers fill this one's memory.)
    if (busy.has(socket)) return void socket.destroy();
    busy.add(socket);
    const refuse = (thrown: unknown): void => {
      const { http, body } = errorAnswer(thrown, options.trace, method, url);
      // What is left of the body is of no use to anyone.
      if (!request.complete) response.setHeader('connection', 'close');
      busy.delete(socket);
      send(response, http, body);
      request.resume();
    };
    const operation = method === 'POST' ? operations.get(url) : undefined;
    if (operation === undefined) return refuse(new HoldfastError('not-found', `there is no ${method} on this path`));
    answer(operation, request).then((body) => {
      busy.delete(socket);
      send(response, 200, body);
    }, refuse);
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

/** @throws `malformed` for what is compressed (a few bytes could unfold to anything) or no JSON, `too-large` before it is taken in */
async function readJson(request: IncomingMessage): Promise<unknown> {
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') fail('malformed', 'compressed bodies are not taken');
  if (!isJson(request)) fail('malformed', 'the body is not JSON');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > PEER_BODY_BYTES_MAX) fail('too-large', 'the body is larger than this path takes', { max: PEER_BODY_BYTES_MAX });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
  } catch {
    return fail('malformed', 'the body is not JSON');
  }
}

export async function startPeerListener(port: VaultPort, options: PeerListenerOptions): Promise<Listener> {
  const { credentials, trace } = options;
  const ca = await anchorsOf(port.fleet);
  const context = (): SecureContextOptions => ({ ...credentials.current(), ca, minVersion: 'TLSv1.3' });
  const server: Server = createServer(
    {
      ...context(),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: options.handshakeLimitMs,
      keepAliveTimeout: 65_000,
      requestTimeout: options.requestLimitMs,
      headersTimeout: options.requestLimitMs,
      connectionsCheckingInterval: 1000,
    },
    routes(port, options),
  );
  server.maxConnections = options.connectionsMax;
  boundPerAddress(server, options.strangersPerAddressMax, 'identified');
  const crowd = new Map<Id, number>();
  const partMax = partOf(options.connectionsMax, port.fleet);
  server.on('secureConnection', (socket: TLSSocket) => {
    // OpenSSL has checked the path to one of the anchors; this says to which, by the entry's keys alone.
    try {
      const peer = identify(socket.getPeerX509Certificate(), port.fleet);
      const before = crowd.get(peer) ?? 0;
      if (before >= partMax) return void socket.destroy();
      crowd.set(peer, before + 1);
      socket.once('close', () => crowd.set(peer, (crowd.get(peer) ?? 1) - 1));
      trace.info({ peer, address: socket.remoteAddress }, 'a peer connected');
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      socket.destroy();
    }
  });
  server.on('tlsClientError', (error, socket) => {
    trace.warn({ address: socket.remoteAddress, cause: refusalOf(error, socket) }, 'a peer connection was refused');
  });
  credentials.onRenewal(() => server.setSecureContext(context()));
  return listen(server, options.address);
}

/** (Attack: a node whose host is somebody else's takes all connections, and the others cannot speak with this one.) */
function partOf(connectionsMax: number, { nodes }: VaultPort['fleet']): number {
  return Math.max(1, Math.floor(connectionsMax / Math.max(1, nodes.length - 1)));
}

function refusalOf(error: Error, socket: TLSSocket): string {
  const { code } = error as { code?: string };
  // Node gives the reason of a refused TLS certificate on the socket, and in the error only that the socket was closed.
  return String(socket.authorizationError ?? code ?? 'unknown');
}
