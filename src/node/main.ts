/**
 * A vault node: token, store, vault, listeners, put together from a configuration. Called by `holdfast node start` and by
 * tests. It refuses to start when the token is not the one that the fleet entry names. Killed at any instruction it comes
 * back: what it acknowledged is in the token and in the store.
 */
import { type Logger, pino } from 'pino';
import { type Id, NO_ID } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { Parts } from '../base/parts.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import { obtainPin } from '../custody/pin.ts';
import { readNamed } from '../files/configuration.ts';
import { type EntryFleet, type FleetEntry, parseEntry } from '../fleet/entry.ts';
import { answersToRejoin } from '../quorum/coordinator/rejoin.ts';
import { openStore } from '../store/sqlite.ts';
import { openToken, type Token, tlsEngineOptions, whenSpent } from '../token/index.ts';
import { openRoot } from '../trust/roots.ts';
import { fileCredentials } from '../web/credentials.ts';
import type { Address, Listener } from '../web/listen.ts';
import { makeMeter, startMetricsListener } from '../web/metrics.ts';
import { makePasses, type Passes } from '../web/pass.ts';
import { connectPeers } from '../web/peer-client.ts';
import { startPeerListener } from '../web/peer-listener.ts';
import { startPublicListener } from '../web/public-listener.ts';
import { keyId } from '../wire/signed.ts';
import { inForce, ownCode, ownMeasurement } from './code.ts';
import type { Config } from './config.ts';
import { leafCredentials } from './credentials.ts';
import { healing } from './healing.ts';
import { Publication } from './publication.ts';
import type { PublicationPolicy } from './published.ts';
import { type VaultParts, VaultService } from './service.ts';
import { startBundleTask } from './tasks/bundle.ts';
import { syncTokens } from './token-folder.ts';
import type { TraceWord } from './trace.ts';
import { type OwnFacts, requireTruth, standingIn } from './true-entry.ts';
import { type FastVerify, fastVerify } from './verify.ts';

export interface RunningNode {
  readonly self: Id;
  /** As listened on: a port that was configured as 0 is known here. */
  readonly public: Address;
  readonly peer: Address;
  readonly metrics?: Address;
  /** Resolves, with the reason, once only a new process can go on. */
  readonly spent: Promise<HoldfastError>;
  /** Takes nothing new, lets what runs finish within the configured time, then ends. */
  close(): Promise<void>;
}

/**
 * @param heal the store may be empty though the token counts slots: then the records are read from the others first (healing.ts)
 * @throws `configuration` naming the key, and what token and store refuse with
 */
export async function startNode(config: Config, stop: AbortSignal, clock: Clock = systemClock, heal = false): Promise<RunningNode> {
  const parts = new Parts();
  try {
    return await assemble(config, stop, clock, parts, heal);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function assemble(config: Config, stop: AbortSignal, clock: Clock, parts: Parts, heal: boolean): Promise<RunningNode> {
  const trace = pino({ level: config.trace.level, base: { node: config.self } }, pino.destination({ dest: 2, sync: true }));
  const entry = parseEntry(readNamed(config.entryFile, 'entryFile'));
  const passes = passesOf(config, entry, clock);
  const { module, label, profile, initString } = config.token;
  const pin = await obtainPin(config.token, { trace, stop });
  const device = { module, label, pin, ...(profile && { profile }), ...(initString && { initString }) };
  const token = parts.add(await openToken(device), (it) => it.close());
  const { sealingKey, description } = token;
  const own = { self: keyId(token.identityKey), name: config.self, sealingKey, description };
  const entryFleet = whoAmI(entry, own);
  const { self } = own;
  const measurement = ownMeasurement(process.env);
  if (measurement === NO_ID) trace.warn({}, 'DEVELOPMENT: started from source, no launcher has checked this code');
  const { fleet } = entryFleet;
  const warn = traceBy(trace);
  const store = parts.add(await openStore(config.dataDir, (slot, why) => warn('store-not-believed', { slot, why })), (it) => it.close());
  const healer = await healing(config.dataDir, token.counters.slots, store, heal);
  if (healer !== undefined) trace.warn({}, 'healing: this node votes on nothing until it has the records of the others');
  const publication = await Publication.open({
    own: { ...own, ...(measurement !== NO_ID && { measurement }) },
    fleet: fleet.id,
    pinned: entry,
    token,
    store,
    clock,
    policy: publicationPolicy(config),
    disbelieved: (why) => warn('store-not-believed', { what: 'bundle', why }),
  });
  // In a rolling upgrade the entry that permits the next release comes over the air, and no file is edited.
  const code = ownCode(measurement, () => standingIn(inForce(entry, publication.entry), self)?.entryFleet ?? entryFleet);

  const engine = tlsEngineOptions({ module, label });
  const renewalFailed = (error: unknown) => trace.warn({ why: error instanceof Error ? error.message : 'unknown' }, 'TLS renewal failed');
  const leaf = { node: self, tlsKey: token.tlsKey, sign: (bytes: Uint8Array) => token.sign(bytes), clock };
  const toPeers = parts.add(await leafCredentials(leaf, engine, renewalFailed), (it) => it.stop());
  const toClients = parts.add(await fileCredentials(config.public, engine, renewalFailed), (it) => it.stop());

  const addresses = peerAddresses(config, entryFleet, self);
  const peers = parts.add(
    await connectPeers({ fleet, self, addresses, credentials: toPeers, callLimitMs: config.timing.limitMs, ...config.peerCalls }),
    (it) => it.close(),
  );
  const { lockDelayMs, ...timing } = config.timing;
  const verify = fastVerify();
  const body = {
    fleet,
    self,
    token: remembering(token, verify),
    store,
    clock,
    verify,
    trace: warn,
    lockDelayMs,
    guessDelaysMs: config.guessDelaysMs,
    coolingOff: config.coolingOff,
  };
  const { rejoinAnswers = answersToRejoin(fleet) } = entryFleet;
  const syncToken = (): void => {
    try {
      syncTokens(process.env);
    } catch (error) {
      trace.warn({ why: error instanceof Error ? error.message : 'unknown' }, 'the folder of the token could not be synced');
    }
  };
  const vault = parts.add(
    new VaultService({
      ...body,
      peers,
      timing,
      code,
      tokenClass: token.description.class,
      rejoinAnswers,
      syncToken,
      ...(healer && { healing: healer }),
    }),
    (it) => it.close(),
  );

  if (config.transparency !== undefined) {
    const { intervalMs } = config.transparency;
    const fellows = fleet.nodes.map(({ id }) => id).filter((id) => id !== self);
    parts.add(startBundleTask({ publication, peers, fellows, intervalMs, limitMs: config.timing.peerLimitMs, trace: warn }), (it) =>
      it.stop(),
    );
  }

  let stopByMs = 0;
  const closeListener = (it: Listener) => it.close(Math.max(0, stopByMs - clock()));
  const peer = parts.add(
    await startPeerListener(vault, {
      credentials: toPeers,
      passes,
      publication,
      ...config.peer,
      address: config.peer,
      trace,
    }),
    closeListener,
  );
  vault.start();
  const meter = makeMeter(() => token.calls);
  const reading = { vault, passes, entryLine: entry.line, publication, tokenState: () => token.state, clock };
  const clients = parts.add(
    await startPublicListener(reading, { ...config.public, address: config.public, credentials: toClients, trace, meter }),
    closeListener,
  );
  const metrics = config.metrics && parts.add(await startMetricsListener(meter, vault, config.metrics), closeListener);
  trace.info({ fleet: fleet.id, self, measurement, public: clients.address, peer: peer.address, metrics: metrics?.address }, 'started');
  return {
    self,
    public: clients.address,
    peer: peer.address,
    ...(metrics && { metrics: metrics.address }),
    spent: whenSpent([token], 'node', parts),
    close: async () => {
      trace.info({}, 'stopping');
      stopByMs = clock() + config.shutdownMs;
      await parts.close();
      trace.info({}, 'stopped');
    },
  };
}

/** Its own votes come back to a node in every quorum certificate. */
function remembering(token: Token, verify: FastVerify): VaultParts['token'] {
  return {
    counters: token.counters,
    open: token.open,
    evaluate: token.evaluate,
    sign: async (bytes) => {
      const signature = await token.sign(bytes);
      verify.know(token.identityKey, bytes, signature);
      return signature;
    },
  };
}

function passesOf({ passes: { issuer, audience, tenant, jwksFile, jwksUrl } }: Config, { namespace }: FleetEntry, clock: Clock): Passes {
  const rules = { namespace, issuer, audience, tenant };
  if (jwksUrl !== undefined) return makePasses({ ...rules, jwks: new URL(jwksUrl) }, clock);
  const text = readNamed(jwksFile ?? '', 'passes.jwksFile');
  try {
    return makePasses({ ...rules, jwks: JSON.parse(text) }, clock);
  } catch {
    return fail('configuration', `passes.jwksFile: ${jwksFile} holds no JWK set`);
  }
}

function publicationPolicy({ transparency }: Config): PublicationPolicy | undefined {
  if (transparency === undefined) return undefined;
  const { rootFile, thirdParties, freshnessMs } = transparency;
  const root = readNamed(rootFile, 'transparency.rootFile');
  try {
    openRoot(root);
  } catch (error) {
    fail('configuration', `transparency.rootFile: ${error instanceof Error ? error.message : 'it is not one'}`, {}, error);
  }
  return { root, thirdParties, freshnessMs, verify: fastVerify() };
}

/** The token says who this is. @throws `configuration` when the entry or the configuration says otherwise */
function whoAmI(entry: FleetEntry, own: OwnFacts): EntryFleet {
  const standing = standingIn(entry, own.self);
  if (standing === undefined)
    return fail('configuration', 'entryFile: the fleet entry names no node with the identity key of this token', { self: own.self });
  try {
    requireTruth(standing, own);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    fail('configuration', `entryFile or token: ${error.message}`, error.evidence, error);
  }
  return standing.entryFleet;
}

function peerAddresses({ peers }: Config, { nodes }: EntryFleet, self: Id): Map<Id, Address> {
  const unknown = Object.keys(peers).find((name) => !nodes.some((node) => node.name === name));
  if (unknown !== undefined) fail('configuration', `peers: the fleet entry names no node ${unknown}`);
  const addresses = new Map<Id, Address>();
  for (const { id, name } of nodes) {
    if (id === self) continue;
    const text = peers[name] ?? fail('configuration', `peers: the address of ${name} is missing`);
    const at = text.lastIndexOf(':');
    addresses.set(id, { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) });
  }
  return addresses;
}

const WARNINGS: ReadonlySet<TraceWord> = new Set([
  'store-not-believed',
  'proof-refused',
  'rolled-back',
  'start-lost',
  'task-failed',
  'peer-unreachable',
  'peer-runs-other-code',
]);

function traceBy(logger: Logger) {
  return (what: TraceWord, fields: object): void => {
    if (WARNINGS.has(what)) logger.warn(fields, what);
    else logger.info(fields, what);
  };
}
