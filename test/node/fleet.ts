/** A fleet in one process: each node with a SoftHSM token and a store of its own, peers called directly, any of them cut off at will. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Id, toHex } from '../../src/base/bytes.ts';
import { type Fleet, type FleetNode, makeFleet } from '../../src/fleet/fleet.ts';
import type { Code } from '../../src/node/code.ts';
import { type Timing, VaultService } from '../../src/node/service.ts';
import type { TraceWord } from '../../src/node/trace.ts';
import { fastVerify } from '../../src/node/verify.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { createNodeKeys, openToken, type Token } from '../../src/token/index.ts';
import type { MemberPort, PeersPort } from '../../src/web/ports.ts';
import { makeSoftHsm, openSoftHsm, type SoftHsm } from '../token/softhsm.ts';

/** Quick tasks; a lock is sought soon after the last guess. */
const QUICK: Partial<Timing> = {
  limitMs: 5_000,
  recordLingerMs: 300,
  peerLimitMs: 2_000,
  rejoinIntervalMs: 100,
  catchUpIntervalMs: 100,
  dueIntervalMs: 200,
  lockRetryMs: 200,
};

export interface Traced {
  readonly node: number;
  readonly what: TraceWord;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export interface FleetState {
  readonly folder: string;
  readonly hsm: string;
  readonly quorum: number;
  readonly lockDelayMs: number;
  /** Identity and sealing key of each node, as hex. */
  readonly keys: readonly (readonly [string, string])[];
}

interface Live {
  readonly token: Token;
  readonly store: Store;
  readonly service: VaultService;
}

export class TestFleet {
  readonly fleet: Fleet;
  readonly traces: Traced[] = [];
  readonly lockDelayMs: number;
  /** Added to the clocks of all nodes. */
  laterMs = 0;
  readonly #hsm: SoftHsm;
  readonly #folder: string;
  readonly #live = new Map<number, Live>();
  readonly #cut = new Set<number>();
  readonly #lost = new Set<number>();

  /** What a node runs from its next start on; by default development. */
  readonly code = new Map<number, Code>();

  /** Told before a node tells others that it started. */
  syncToken: (node: number) => void = () => undefined;

  #turn: Promise<unknown> = Promise.resolve();
  #guessDelaysMs: readonly number[] = [];

  private constructor(fleet: Fleet, hsm: SoftHsm, folder: string, lockDelayMs: number) {
    this.fleet = fleet;
    this.lockDelayMs = lockDelayMs;
    this.#hsm = hsm;
    this.#folder = folder;
  }

  /** All nodes up. */
  static async make({ size = 3, quorum = 2, lockDelayMs = 0, guessDelaysMs = [] as readonly number[] } = {}): Promise<TestFleet> {
    const labels = Array.from({ length: size }, (_, i) => `node-${i}`);
    const hsm = makeSoftHsm(labels);
    for (const label of labels) createNodeKeys({ ...hsm.config(label), pages: 2 });
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-node-'));
    const keys: Omit<FleetNode, 'id'>[] = [];
    for (const label of labels) {
      const { identityKey, sealingKey, close } = await openToken(hsm.config(label));
      keys.push({ identityKey, sealingKey });
      await close();
    }
    const made = new TestFleet(makeFleet('test', quorum, quorum, keys), hsm, folder, lockDelayMs);
    made.#guessDelaysMs = guessDelaysMs;
    await Promise.all(labels.map((_, i) => made.start(i)));
    return made;
  }

  /** What another process needs to start the same nodes, once they are stopped here. */
  get state(): FleetState {
    const keys = this.fleet.nodes.map(({ identityKey, sealingKey }) => [toHex(identityKey), toHex(sealingKey)] as const);
    return { folder: this.#folder, hsm: this.#hsm.folder, quorum: this.fleet.quorum, lockDelayMs: this.lockDelayMs, keys };
  }

  /** No node is up yet. */
  static of({ folder, hsm, quorum, lockDelayMs, keys }: FleetState): TestFleet {
    const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
    const nodes = keys.map(([identity, sealing]) => ({ identityKey: bytes(identity), sealingKey: bytes(sealing) }));
    return new TestFleet(makeFleet('test', quorum, quorum, nodes), openSoftHsm(hsm), folder, lockDelayMs);
  }

  get size(): number {
    return this.fleet.nodes.length;
  }

  idOf(node: number): Id {
    return this.fleet.nodes[node]!.id;
  }

  service(node: number): VaultService {
    return this.#live.get(node)!.service;
  }

  token(node: number): Token {
    return this.#live.get(node)!.token;
  }

  store(node: number): Store {
    return this.#live.get(node)!.store;
  }

  /** Every call from and to the node fails, until `join`. */
  cut(node: number): void {
    this.#cut.add(node);
  }

  /** What the node asks arrives, and no answer comes back, until `join`. */
  loseAnswersTo(node: number): void {
    this.#lost.add(node);
  }

  join(node: number): void {
    this.#cut.delete(node);
    this.#lost.delete(node);
  }

  async start(node: number): Promise<void> {
    const token = await this.#inTurn(() => openToken({ ...this.#hsm.config(`node-${node}`), workers: 1 }));
    const store = await openStore(this.#storeFolder(node), (slot, why) =>
      this.traces.push({ node, what: 'store-not-believed', fields: { slot, why } }),
    );
    const service = new VaultService({
      fleet: this.fleet,
      self: this.idOf(node),
      token,
      coolingOff: { minSeconds: 0, maxSeconds: 365 * 86_400 },
      tokenClass: token.description.class,
      store,
      clock: () => Date.now() + this.laterMs,
      monotonicMs: () => performance.now() + this.laterMs,
      verify: fastVerify(),
      trace: (what, fields) => this.traces.push({ node, what, fields }),
      lockDelayMs: this.lockDelayMs,
      guessDelaysMs: this.#guessDelaysMs,
      peers: this.#peersOf(node),
      timing: QUICK,
      syncToken: () => this.syncToken(node),
      ...(this.code.has(node) && { code: this.code.get(node)! }),
    });
    this.#live.set(node, { token, store, service });
    service.start();
  }

  async stop(node: number): Promise<void> {
    const { token, store, service } = this.#live.get(node)!;
    this.#live.delete(node);
    await service.close();
    await store.close();
    await this.#inTurn(() => token.close());
  }

  /** SoftHSM does not stand several tokens of one process being opened or closed at the same moment; real nodes have one each. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Only of a node that is stopped. @returns what puts both or one of them back */
  snapshot(node: number): { restoreStore: () => void; restoreToken: () => void } {
    const copy = mkdtempSync(join(this.#folder, 'copy-'));
    const [store, token] = [this.#storeFolder(node), this.#tokenFolder(node)];
    const take = (from: string, name: string) => {
      cpSync(from, join(copy, name), { recursive: true });
      return () => {
        rmSync(from, { recursive: true });
        cpSync(join(copy, name), from, { recursive: true });
      };
    };
    return { restoreStore: take(store, 'store'), restoreToken: take(token, 'token') };
  }

  forgetStore(node: number): void {
    rmSync(this.#storeFolder(node), { recursive: true });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#live.keys()].map((node) => this.stop(node)));
    rmSync(this.#folder, { recursive: true, force: true });
    this.#hsm.remove();
  }

  /** The node's database file, for whoever has its disk. */
  storeFile(node: number): string {
    return join(this.#storeFolder(node), 'holdfast.db');
  }

  #storeFolder(node: number): string {
    return join(this.#folder, `store-${node}`);
  }

  #tokenFolder(node: number): string {
    const tokens = join(this.#hsm.folder, 'tokens');
    const found = readdirSync(tokens).find((name) => readFileSync(join(tokens, name, 'token.object'), 'latin1').includes(`node-${node}`));
    return join(tokens, found!);
  }

  #peersOf(from: number): PeersPort {
    return {
      at: (node) => {
        const to = this.fleet.nodes.findIndex(({ id }) => id === node);
        const reach = (): MemberPort => {
          const live = this.#live.get(to);
          if (live === undefined || this.#cut.has(to) || this.#cut.has(from)) throw new Error('unreachable');
          return live.service.member;
        };
        const call = async <T>(answer: Promise<T>): Promise<T> => {
          const came = await answer;
          if (this.#lost.has(from)) throw new Error('the answer was lost');
          return came;
        };
        return {
          ask: async (ask) => call(reach().ask(ask)),
          cancel: async (place, cancelled) => call(reach().cancel(place, cancelled)),
          events: async (ask) => call(reach().events(ask)),
          teach: async (proof) => call(reach().teach(proof)),
          proofOf: async (slot) => call(reach().proofOf(slot)),
          changes: async (after, limit) => call(reach().changes(after, limit)),
          inventory: async (after, limit) => call(reach().inventory(after, limit)),
        };
      },
    };
  }
}
