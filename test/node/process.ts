/** A node as the process that a service manager runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { MAIN, type Member } from '../../src/cli/fleet/layout.ts';

const running = new Set<Node>();

export async function endAll(): Promise<void> {
  for (const node of running) await node.end('SIGKILL');
}

export class Node {
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  output = '';

  /** @param more of the environment; and its file descriptor 3 */
  constructor(member: Member, config = member.config, more: { environment?: Readonly<Record<string, string>>; three?: number } = {}) {
    const environment = { PATH: process.env['PATH'], ...member.environment, ...more.environment };
    this.#process = spawn(process.execPath, [MAIN, 'node', 'start', '--config', config], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', more.three ?? 'ignore'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => resolve(code ?? signal));
    });
    running.add(this);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Its exit code, or the signal that ended it. */
  async end(signal?: NodeJS.Signals) {
    if (signal !== undefined) this.#process.kill(signal);
    const ended = await this.#ended;
    running.delete(this);
    return ended;
  }
}

export async function until(holds: () => Promise<boolean>, node: Node): Promise<void> {
  for (let tries = 0; !(await holds().catch(() => false)); tries += 1) {
    if (tries > 900) throw new Error(`not within 90 s: ${node.output}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
