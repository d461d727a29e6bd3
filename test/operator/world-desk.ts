/**
 * An operator's desk over the world of test/trust: its log and its nodes answer in this process, as honest ones would unless told
 * otherwise; the operator's memory is a real folder. Every call is counted, and any may be the last.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concatBytes } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { cosign } from '../../src/log/cosignature.ts';
import { formatNote, type Note, type NoteSignature, parseNote, signNote } from '../../src/log/note.ts';
import { encodeEntries, tileBytes } from '../../src/log/tile.ts';
import type { Desk, Progress } from '../../src/operator/desk.ts';
import type { Planned } from '../../src/operator/draft.ts';
import type { NodesPort } from '../../src/operator/nodes.ts';
import { OperatorState } from '../../src/operator/state.ts';
import type { WitnessPort } from '../../src/operator/witness.ts';
import { openRoot } from '../../src/trust/roots.ts';
import { entryText, nodeStatement, parseSignedEntry } from '../../src/trust/signed-entry.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';
import { goodFleet, NOW_MS, signAsNode, World } from '../trust/world.ts';

export class Interrupted extends Error {}

/** A fleet as a transcript gives it; every one has addresses of its own. */
export function planned(size = 3, from = 1): Planned {
  const { state: _, since: __, ...fleet } = goodFleet(size, from);
  return { ...fleet, nodes: fleet.nodes.map((node) => ({ ...node, url: node.url.replace('example.org', `fleet-${from}.example.org`) })) };
}

export class WorldDesk {
  readonly world = new World();
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-operator-'));
  readonly state = new OperatorState(this.folder);
  readonly told: Progress[] = [];
  fleets: readonly Planned[] = [planned()];
  nowMs = NOW_MS;
  /** Calls until one does not come to its end; the next one would be this number. */
  stepsLeft = Number.POSITIVE_INFINITY;
  steps = 0;
  /** Who cosigns besides the operator. */
  cosigners = [this.world.witness, this.world.thirdParties[0]!];
  /** What the log shows in place of its checkpoint and leaves. */
  shown: { checkpoint?: string | undefined; leaf?: (index: number) => Uint8Array | undefined } = {};
  /** Text of the checkpoint that was countersigned last. */
  countersigned: string | undefined;
  /** What each node serves, by its URL. */
  readonly served = new Map<string, string>();
  /** How often each node signed. */
  readonly signatures = new Map<string, number>();
  readonly silent = new Set<string>();
  #checkpoint: Note | undefined;

  get desk(): Desk {
    const first = this.world.roots[0]!;
    return {
      roots: {
        first,
        chain: this.world.roots.slice(1),
        latest: openRoot(this.world.roots.at(-1)!),
        logs: this.world.roots.map((text) => openRoot(text).log),
      },
      state: this.#stepping(this.state),
      witness: this.#stepping(this.#witness()),
      nodes: this.#stepping(this.#nodes()),
      fleets: this.fleets,
      validDays: 180,
      thirdParties: 1,
      cosignaturesLimitMs: 5_000,
      release: async (entry) => {
        const lines: NoteSignature[] = [];
        for (const { vkey, sign } of this.world.release.slice(0, 2)) lines.push(await signNote(entryText(entry), vkey, sign));
        return lines;
      },
      cosign: async (bytes) => this.world.operator.sign(bytes),
      verify: verifyP256,
      clock: () => this.nowMs,
      sleep: async (ms) => {
        this.nowMs += ms;
      },
      report: (progress) => this.told.push(progress),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Each call may be cut off before it begins, or after its work is done and before anyone hears of it. */
  #stepping<T extends object>(port: T): T {
    const step = () => {
      this.steps += 1;
      if (this.stepsLeft <= 0) throw new Interrupted();
      this.stepsLeft -= 1;
    };
    return new Proxy(port, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        const call = (given: unknown[]) => (value as (...given: unknown[]) => unknown).apply(target, given);
        if (port instanceof OperatorState) {
          return (...given: unknown[]) => {
            step();
            const result = call(given);
            step();
            return result;
          };
        }
        return async (...given: unknown[]) => {
          step();
          const came = await call(given);
          step();
          return came;
        };
      },
    });
  }

  #witness(): WitnessPort {
    const { world } = this;
    return {
      checkpoint: async () => ('checkpoint' in this.shown ? this.shown.checkpoint : this.#checkpoint && formatNote(this.#checkpoint)),
      tile: async (tile) => {
        if (tile.level !== 'entries') return tileBytes(tile, world.tree.read);
        const places = Array.from({ length: tile.width }, (_, i) => tile.index * 256 + i);
        return concatBytes(...places.map((at) => encodeEntries([this.shown.leaf?.(at) ?? world.leaves[at]!.leaf])));
      },
      submit: async (text) => {
        if (world.leaves.at(-1)?.text === text) return;
        const signed = parseSignedEntry(text);
        if (signed.entry.sequence !== world.leaves.length + 1) throw new HoldfastError('not-admitted', 'sequence: it is not one more');
        world.append(signed);
        await this.signCheckpoint();
      },
      countersign: async ({ text, signatures }) => {
        this.countersigned = text;
        // As a witness does: its own are made anew too.
        await this.signCheckpoint();
        this.#checkpoint = { ...this.#checkpoint!, signatures: [...this.#checkpoint!.signatures, ...signatures] };
      },
    };
  }

  #nodes(): NodesPort {
    return {
      sign: async (url, { entry: text }) => {
        this.#reach(url);
        const { entry } = parseSignedEntry(text);
        const standing = entry.fleets
          .flatMap((fleet) => fleet.nodes.map((node) => ({ fleet, node })))
          .find(({ node }) => node.url === url)!;
        this.signatures.set(url, (this.signatures.get(url) ?? 0) + 1);
        const bytes = nodeStatement(entry, standing.fleet, standing.node);
        return { bytes, signature: signAsNode(standing.node, bytes) };
      },
      offer: async (url, bundle) => {
        this.#reach(url);
        const taken = this.served.get(url) !== bundle;
        this.served.set(url, bundle);
        return taken;
      },
    };
  }

  #reach(url: string): void {
    if (this.silent.has(url)) throw new HoldfastError('unreachable', `${url} cannot be reached`);
  }

  /** The log's, with the cosignatures of all but the operator. */
  async signCheckpoint(size = this.world.tree.size): Promise<void> {
    this.#checkpoint = parseNote(await this.world.checkpoint({ size, cosigners: [], cosignedAtMs: this.nowMs }));
    const { text } = this.#checkpoint;
    const seconds = Math.floor(this.nowMs / 1000);
    const lines: NoteSignature[] = [];
    for (const { vkey, sign } of this.cosigners) lines.push(await cosign(text, vkey, seconds, sign));
    this.#checkpoint = { text, signatures: [...this.#checkpoint.signatures, ...lines] };
  }
}
