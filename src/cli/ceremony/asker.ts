/** Questions at one terminal, or answered line by line from a pipe. What is hidden is not echoed. */
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { fail } from '../../base/errors.ts';

export class Asker {
  #pipe: Interface | undefined;
  #lines: AsyncIterator<string> | undefined;

  async ask(prompt: string, hidden = false): Promise<string> {
    process.stderr.write(prompt);
    const line = process.stdin.isTTY ? await typed(hidden) : await this.#nextLine();
    return line?.trim() ?? fail('not-confirmed', 'nobody answered: the ceremony stops here');
  }

  async #nextLine(): Promise<string | undefined> {
    this.#pipe ??= createInterface({ input: process.stdin });
    this.#lines ??= this.#pipe[Symbol.asyncIterator]();
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** Nothing more is asked: a pipe that stays open keeps no program waiting. */
  close(): void {
    this.#pipe?.close();
    if (this.#pipe !== undefined) process.stdin.destroy();
  }
}

function typed(hidden: boolean): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines: Interface = createInterface({ input: process.stdin, output: hidden ? nowhere : process.stderr, terminal: true });
  let answer: string | undefined;
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (hidden || answer === undefined) process.stderr.write('\n');
      resolve(answer);
    });
  });
}
