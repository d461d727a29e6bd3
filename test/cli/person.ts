/** A person at a device: commands with secrets handed over on file descriptors, as a script would. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN, type Ran } from './holdfast.ts';

/** Options by name: `passcode` becomes `--passcode-fd N`. */
export type Secrets = Readonly<Record<string, string>>;

export class Device {
  readonly home: string;

  constructor(home: string) {
    this.home = home;
  }

  /** @param program with its own arguments first; by default the command line */
  run(args: readonly string[], secrets: Secrets = {}, program: readonly string[] = [MAIN]): Promise<Ran> {
    return this.#start(args, secrets, program).ended;
  }

  /** Kills the command as soon as this is so. */
  async kill(args: readonly string[], secrets: Secrets, when: () => boolean): Promise<void> {
    const { signal } = await this.stop(args, secrets, when);
    if (signal !== 'SIGKILL') throw new Error('it had ended before it could be killed');
  }

  /** Sends the command a signal as soon as this is so, unless it has ended before. @returns what it ended by, if by a signal */
  async stop(
    args: readonly string[],
    secrets: Secrets,
    when: () => boolean | Promise<boolean>,
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<Ran & { readonly signal: NodeJS.Signals | null }> {
    const { child, ended } = this.#start(args, secrets);
    const runs = () => child.exitCode === null && child.signalCode === null;
    while (runs() && !(await when())) await sleep(1);
    child.kill(signal);
    return { ...(await ended), signal: child.signalCode };
  }

  #start(args: readonly string[], secrets: Secrets, program: readonly string[] = [MAIN]): { child: ChildProcess; ended: Promise<Ran> } {
    const names = Object.keys(secrets);
    const options = names.flatMap((name, i) => [`--${name}-fd`, `${3 + i}`]);
    const child = spawn(process.execPath, [...program, ...args, ...options, '--home', this.home], {
      stdio: ['ignore', 'pipe', 'pipe', ...names.map(() => 'pipe' as const)],
      // Without a terminal, so that nobody is asked who is not there.
      detached: true,
    });
    const [, out, err, ...pipes] = child.stdio as unknown as [null, Readable, Readable, ...Writable[]];
    for (const [i, pipe] of pipes.entries()) {
      pipe.on('error', () => undefined);
      pipe.end(`${secrets[names[i] as string]}\n`);
    }
    const texts = { out: '', err: '' };
    out.on('data', (chunk: Buffer) => {
      texts.out += chunk.toString();
    });
    err.on('data', (chunk: Buffer) => {
      texts.err += chunk.toString();
    });
    const ended = new Promise<Ran>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? 1, ...texts }));
    });
    return { child, ended };
  }

  /** @throws what it wrote, unless it ended with 0 */
  async json<T>(args: readonly string[], secrets?: Secrets): Promise<T> {
    const { code, out, err } = await this.run([...args, '--json'], secrets);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${code}: ${err}`);
    return JSON.parse(out) as T;
  }
}
