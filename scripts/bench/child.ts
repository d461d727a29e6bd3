/** Parts of the bench in processes of their own: called like a function, ended with their parent. */
import { type ChildProcess, fork } from 'node:child_process';
import { closing } from './closing.ts';

type Calls = Readonly<Record<string, (argument: never) => Promise<unknown>>>;
interface Answer {
  readonly value?: unknown;
  readonly failed?: string;
}

/** In the child. One call at a time. */
export function serve(calls: Calls): void {
  process.on('message', (message: { call: string; argument: never }) => {
    const work = calls[message.call]?.(message.argument) ?? Promise.reject(new Error(`there is no ${message.call}`));
    work.then(
      (value) => process.send?.({ value } satisfies Answer),
      (error: unknown) => process.send?.({ failed: error instanceof Error ? String(error.stack) : String(error) } satisfies Answer),
    );
  });
  // The parent is gone, however it went.
  process.on('disconnect', () => process.exit(0));
}

export class Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly end: () => Promise<void>;

  private constructor(file: URL, environment: Readonly<Record<string, string>>) {
    const child = fork(file, {
      serialization: 'advanced',
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    if (child.pid === undefined) throw new Error(`${file.pathname} does not start`);
    this.pid = child.pid;
    this.#process = child;
    this.end = closing(() => ended(child));
  }

  static start(file: URL, environment: Readonly<Record<string, string>> = {}): Child {
    return new Child(file, environment);
  }

  call<T>(call: string, argument: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error('a process of the bench ended early'));
      this.#process.once('exit', gone);
      this.#process.once('message', ({ value, failed }: Answer) => {
        this.#process.off('exit', gone);
        if (failed === undefined) resolve(value as T);
        else reject(new Error(failed));
      });
      this.#process.send({ call, argument });
    });
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
