/** A development fleet in a temporary folder: real processes, SoftHSM, mutual TLS. Its tokens can also be had without its nodes. */
import { readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bringUp, startOne, takeDown } from '../../src/cli/fleet/bring-up.ts';
import { type FleetLayout, type Member, requireLayout } from '../../src/cli/fleet/layout.ts';
import { makeFleetIn } from '../../src/cli/fleet/make.ts';
import { pidOf, start, stop } from '../../src/cli/fleet/processes.ts';
import { activeFleet, type EntryFleet, parseEntry } from '../../src/fleet/entry.ts';
import { closing, temporaryFolder } from './closing.ts';
import { cpuSeconds, residentMiB } from './proc.ts';
import { tell } from './report.ts';

export interface Profile {
  readonly entryFile: string;
  readonly caFile: string;
  readonly accounts: string;
  readonly tenant: string;
}

/** CPU seconds so far, by whose they are. */
export interface Spent {
  readonly nodes: number;
  readonly accounts: number;
}

export class DevelopmentFleet {
  readonly folder: string;
  readonly module: string;
  readonly layout: FleetLayout;
  readonly profile: Profile;
  readonly fleet: EntryFleet;
  readonly #remove: () => Promise<void>;

  private constructor(folder: string, module: string, remove: () => Promise<void>) {
    this.folder = folder;
    this.module = module;
    this.layout = requireLayout(folder);
    this.profile = JSON.parse(readFileSync(join(folder, 'profile.json'), 'utf8')) as Profile;
    this.fleet = activeFleet(parseEntry(readFileSync(this.profile.entryFile, 'utf8')), { allowSimulated: true });
    this.#remove = remove;
  }

  /** Made, and not started. @param module that its nodes open their tokens with */
  static async make(size: number, module: string): Promise<DevelopmentFleet> {
    tell(`making a fleet of ${size}`);
    const { folder, remove } = temporaryFolder();
    await makeFleetIn(folder, size, () => undefined);
    const fleet = new DevelopmentFleet(folder, module, remove);
    for (const { config } of fleet.layout.nodes) {
      const said = JSON.parse(readFileSync(config, 'utf8')) as { token: object };
      writeFileSync(config, JSON.stringify({ ...said, token: { ...said.token, module } }));
    }
    return fleet;
  }

  /** @param profileInto a folder that takes CPU profiles of the first node, one per thread */
  async up(profileInto?: string): Promise<void> {
    this.down = closing(() => takeDown(this.folder));
    tell('starting it');
    const nodes = this.layout.nodes.map((node) => ({ ...node, environment: { ...node.environment, PKCS11_MODULE_PATH: this.module } }));
    for (const node of nodes) start(node);
    await bringUp(this.folder, { mode: 'pinned', report: () => undefined, say: () => undefined });
    const [first] = nodes;
    if (profileInto === undefined || first === undefined) return;
    await stop(first);
    const NODE_OPTIONS = `--cpu-prof --cpu-prof-dir=${profileInto}`;
    await startOne(this.layout, { ...first, environment: { ...first.environment, NODE_OPTIONS } });
  }

  down: () => Promise<void> = async () => undefined;

  async remove(): Promise<void> {
    await this.down();
    await this.#remove();
  }

  spent(): Spent {
    const of = (members: readonly Member[]) => members.reduce((sum, member) => sum + cpuSeconds(pidOf(member) ?? 0), 0);
    return { nodes: of(this.layout.nodes), accounts: of([this.layout.accounts]) };
  }

  residentMiB(): number[] {
    return this.layout.nodes.map((member) => residentMiB(pidOf(member) ?? 0));
  }

  /** Commits of each node since it started. */
  async commits(): Promise<number[]> {
    const texts = await Promise.all(this.layout.nodes.map(async ({ metrics = '' }) => (await fetch(metrics)).text()));
    return texts.map((text) => Number(/^holdfast_commit_sequence (\S+)/m.exec(text)?.[1]));
  }

  /** Counts the objects that the first node's token makes; every one is a new file of SoftHSM's. */
  watchObjects(): { made: () => number } {
    const tokens = join(this.layout.nodes[0]?.folder ?? '', 'tokens');
    const before = new Set(readdirSync(tokens).flatMap((token) => readdirSync(join(tokens, token))));
    const seen = new Set<string>();
    const watchers = readdirSync(tokens).map((token) =>
      watch(join(tokens, token), (_, name) => {
        if (name?.endsWith('.object') && !before.has(name)) seen.add(name);
      }),
    );
    return {
      made: () => {
        for (const watcher of watchers) watcher.close();
        return seen.size;
      },
    };
  }
}
