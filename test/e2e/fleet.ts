/**
 * A real fleet for one test file: brought up by the command that people use, in a temporary directory, on free ports; torn
 * down with it. Nodes are processes with SoftHSM tokens, talk mutual TLS, and are killed with SIGKILL.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ClientOptions,
  DEFAULT_POLICY,
  type FleetEntry,
  generateClientKey,
  KDF_MIN,
  memoryMemos,
  parseEntry,
  Secret,
  VaultClient,
} from '../../src/client/index.ts';
import { fetchWith, nativeArgon2id } from '../../src/client/node/index.ts';
import { clientKeyJwk } from '../../src/vault/client-key.ts';

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

export interface Profile {
  readonly caFile: string;
  readonly accounts: string;
  readonly tenant: string;
}

export type Config = Readonly<Record<string, unknown>>;

const configFile = (folder: string, name: string): string => join(folder, name, name === 'accounts' ? 'accounts.json' : 'node.json');
const readConfig = (folder: string, name: string): Config => JSON.parse(readFileSync(configFile(folder, name), 'utf8')) as Config;

export class TestFleet {
  readonly folder: string;
  readonly entry: FleetEntry;
  readonly profile: Profile;
  readonly #web: ReturnType<typeof fetchWith>;

  private constructor(folder: string) {
    this.folder = folder;
    this.profile = JSON.parse(readFileSync(join(folder, 'profile.json'), 'utf8')) as Profile;
    this.entry = parseEntry(readFileSync(join(folder, 'fleet-entry.json'), 'utf8'));
    this.#web = fetchWith(readFileSync(this.profile.caFile, 'utf8'));
  }

  /**
   * @param configure changes the configuration of a program: `accounts`, or `node-1` and so on
   * @param mode over the air it has a witness and a third party besides, and takes longer to come up
   */
  static async up(
    nodes: 3 | 5 | 7,
    configure?: (name: string, config: Config) => Config,
    mode: 'pinned' | 'over-the-air' = 'pinned',
  ): Promise<TestFleet> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
    try {
      await holdfast('fleet', 'up', '--nodes', `${nodes}`, '--dir', folder, ...(mode === 'pinned' ? ['--pinned'] : []));
      if (configure !== undefined) {
        await holdfast('fleet', 'down', '--dir', folder);
        for (const name of ['accounts', ...Array.from({ length: nodes }, (_, i) => `node-${i + 1}`)]) {
          const file = configFile(folder, name);
          writeFileSync(file, JSON.stringify(configure(name, readConfig(folder, name))));
        }
        await holdfast('fleet', 'up', '--dir', folder);
      }
      return new TestFleet(folder);
    } catch (error) {
      await takeDown(folder);
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.#web.close();
    await takeDown(this.folder);
  }

  /** As its program reads it. */
  config(name: string): Config {
    return readConfig(this.folder, name);
  }

  stop(...nodes: readonly number[]): Promise<unknown> {
    return Promise.all(nodes.map((node) => holdfast('fleet', 'stop', `node-${node}`, '--dir', this.folder)));
  }

  kill(...nodes: readonly number[]): Promise<unknown> {
    return Promise.all(nodes.map((node) => holdfast('fleet', 'stop', `node-${node}`, '--kill', '--dir', this.folder)));
  }

  start(...nodes: readonly number[]): Promise<unknown> {
    return Promise.all(nodes.map((node) => holdfast('fleet', 'start', `node-${node}`, '--dir', this.folder)));
  }

  /** The processes go on to be there, and do nothing, until `thaw`. */
  freeze(...nodes: readonly number[]): void {
    for (const node of nodes) process.kill(this.#pid(node), 'SIGSTOP');
  }

  /** At once: `kill` takes a command, and waits. They are started as ever. */
  slay(...nodes: readonly number[]): void {
    for (const node of nodes) process.kill(this.#pid(node), 'SIGKILL');
  }

  /** Also of nodes that are not frozen, or not there. */
  thaw(...nodes: readonly number[]): void {
    for (const node of nodes) {
      try {
        process.kill(this.#pid(node), 'SIGCONT');
      } catch (error) {
        if (!['ESRCH', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  }

  /** With the sources of another folder. */
  startFrom(project: string, node: number): Promise<unknown> {
    return run(process.execPath, [join(project, 'src/cli/main.ts'), 'fleet', 'start', `node-${node}`, '--dir', this.folder]);
  }

  #pid(node: number): number {
    return Number(readFileSync(join(this.folder, `node-${node}`, 'pid'), 'utf8'));
  }

  /** Copies a node's token or store away; the returned function puts the copy back. The node must be stopped. */
  snapshot(node: number, what: 'tokens' | 'data'): () => void {
    const live = join(this.folder, `node-${node}`, what);
    const copy = mkdtempSync(join(this.folder, `copy-${what}-`));
    cpSync(live, copy, { recursive: true });
    return () => {
      rmSync(live, { recursive: true });
      cpSync(copy, live, { recursive: true });
    };
  }

  get fetch() {
    return this.#web.fetch;
  }

  /** A pass for a fresh client key. */
  async login(user: string) {
    const clientKey = await generateClientKey();
    const response = await this.#web.fetch(`${this.profile.accounts}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, clientKey: clientKeyJwk(clientKey.publicKey) }),
    });
    const { pass } = (await response.json()) as { pass: string };
    return { clientKey, pass: new Secret(pass), tenant: this.profile.tenant };
  }

  /** A device of this user, logged in; each has a memory of its own. @param first the node it talks to first, from 0 */
  async device(user: string, first = 0, changed: Partial<ClientOptions> = {}): Promise<VaultClient> {
    return new VaultClient({
      entry: this.entry,
      allowSimulated: true,
      ...(await this.login(user)),
      memos: memoryMemos(),
      fetch: this.#web.fetch,
      first,
      argon2id: nativeArgon2id,
      ...changed,
    });
  }
}

/** Small hardening, no waiting: what the tests are about is the fleet. */
export const QUICK = { kdf: KDF_MIN, policy: { ...DEFAULT_POLICY, coolingOffSeconds: 3600, graceSeconds: 0 } };

async function holdfast(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [MAIN, ...args], { maxBuffer: 1 << 24 });
  return stdout;
}

function takeDown(folder: string): Promise<unknown> {
  return holdfast('fleet', 'down', '--dir', folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}
