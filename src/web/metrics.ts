/**
 * Numbers for operators, on a listener of their own that is meant for the loopback: who reads them sees how many people use
 * the vault and when, and nothing of anyone.
 *
 *   GET /metrics   in Prometheus' text format
 *   GET /shares    how many slots still have all shares, and how many fewer: asks all nodes, and takes a while (JSON)
 */
import { createServer } from 'node:http';
import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { publicOperations } from '../api/bodies.ts';
import { type Address, type Listener, listen } from './listen.ts';
import type { VaultPort } from './ports.ts';

export interface Meter {
  readonly registry: Registry;
  /** Measures every public request. */
  readonly requests: RequestHandler;
}

const KNOWN = new Set<string>([
  '/v1/fleet',
  '/health',
  '/ready',
  '/openapi.json',
  ...publicOperations.map((operation) => `/v1/${operation}`),
]);

/** @param tokenCalls how many calls the token was given */
export function makeMeter(tokenCalls: () => number): Meter {
  const registry = new Registry();
  // A node that has nothing to do must not wake a hundred times a second to find out how late it wakes.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const duration = new Histogram({
    name: 'holdfast_request_seconds',
    help: 'Public requests by path and status',
    labelNames: ['path', 'status'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  new Counter({
    name: 'holdfast_token_calls_total',
    help: 'Calls to the token since this node started',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tokenCalls());
    },
  });
  return {
    registry,
    requests: ({ path }, response, next) => {
      const done = duration.startTimer();
      // Paths that are no routes count as one: a stranger must not make up label values.
      response.once('finish', () => done({ path: KNOWN.has(path) ? path : 'other', status: response.statusCode }));
      next();
    },
  };
}

const STANDINGS = ['voting', 'starting', 'quarantined'] as const;

/** Sets the numbers of the vault's health, whenever they are asked for. */
function meterHealth(registry: Registry, vault: VaultPort): () => Promise<void> {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });
  const standing = gauge('standing', '1 for how this node stands', ['standing']);
  const commits = gauge('commit_sequence', 'Commits of the token since this node started');
  const room = gauge('token_has_room', '1 while the token takes new slots');
  const waiting = gauge('waiting_calls', 'Calls that wait for their slot');
  const slots = gauge('slots', 'Slots in the store');
  const due = gauge('locks_due', 'Slots that wait for a lock certificate or the end of its grace time');
  const heard = gauge('peer_heard_timestamp_seconds', 'Last answer of each other node', ['node']);
  const behind = gauge('peer_changes_behind', 'Changes of each other node still to be learnt', ['node']);
  return async () => {
    const health = await vault.health();
    for (const one of STANDINGS) standing.set({ standing: one }, health.standing === one ? 1 : 0);
    commits.set(Number(health.sequence & 0xffff_ffffn));
    room.set(health.hasRoom ? 1 : 0);
    waiting.set(health.waiting);
    slots.set(health.slots);
    due.set(health.due);
    for (const { node, heardMs, behind: changes } of health.peers) {
      if (heardMs !== undefined) heard.set({ node }, heardMs / 1000);
      if (changes !== undefined) behind.set({ node }, changes);
    }
  };
}

export function startMetricsListener({ registry }: Meter, vault: VaultPort, address: Address): Promise<Listener> {
  const shares = { type: 'application/json', text: async () => JSON.stringify(await vault.shares()) };
  return servePages({ '/metrics': metricsPage(registry, meterHealth(registry, vault)), '/shares': shares }, address);
}

interface Page {
  readonly type: string;
  readonly text: () => Promise<string>;
}

/** @param refresh sets the numbers that are asked for */
export function metricsPage(registry: Registry, refresh: () => Promise<void>): Page {
  const text = async (): Promise<string> => {
    await refresh();
    return registry.metrics();
  };
  return { type: registry.contentType, text };
}

/** For who runs the program, and nobody else: over HTTP, to this machine unless it is configured otherwise. */
export function servePages(pages: Readonly<Record<string, Page>>, address: Address): Promise<Listener> {
  const server = createServer((request, response) => {
    const known = request.method === 'GET' ? pages[request.url ?? ''] : undefined;
    if (known === undefined) return void response.writeHead(404).end();
    known.text().then(
      (text) => response.writeHead(200, { 'content-type': known.type }).end(text),
      () => response.writeHead(503).end(),
    );
  });
  return listen(server, address);
}
