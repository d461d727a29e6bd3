/**
 * Asks a person for something secret: typed on the terminal without echo, or read from a file descriptor. Never an argument
 * and never the environment, which other processes of the machine can read.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { fail, HoldfastError } from '../base/errors.ts';
import { say } from './report.ts';

export type Ask = () => Promise<string>;

/**
 * @param what as in the prompt: "Passcode"
 * @param fd of an option; the first line that can be read there
 * @param option the name of that option, for who has no terminal
 */
export function askFor(what: string, fd: number | undefined, option: string): Ask {
  return async () => (fd === undefined ? withTerminal(option, (input) => askHidden(input, `${what}: `)) : firstLine(fd));
}

/** As `askFor`, twice on a terminal: for what is being chosen. */
export function askForNew(what: string, fd: number | undefined, option: string): Ask {
  return async () => {
    if (fd !== undefined) return firstLine(fd);
    return withTerminal(option, async (input) => {
      const first = await askHidden(input, `${what}: `);
      return (await askHidden(input, 'Again: ')) === first ? first : fail('malformed', 'the two differ: nothing was done');
    });
  };
}

function firstLine(fd: number): string {
  let text: string;
  try {
    text = readFileSync(fd, 'utf8');
  } catch (error) {
    return fail('configuration', `file descriptor ${fd} cannot be read`, {}, error);
  }
  const [line = ''] = text.split(/\r?\n/);
  return line === '' ? fail('malformed', `file descriptor ${fd} holds nothing`) : line;
}

/** The terminal itself where there is one, so that the standard input may be something else (`holdfast key | age -d -i -`). */
async function withTerminal<T>(option: string, work: (input: ReadStream) => Promise<T>): Promise<T> {
  if (process.stdin.isTTY) return work(process.stdin);
  let fd: number;
  try {
    fd = openSync('/dev/tty', 'r');
  } catch {
    return fail('configuration', `there is no terminal to ask at: give ${option}`);
  }
  const input = openTerminal(fd, option);
  try {
    return await work(input);
  } finally {
    input.destroy();
  }
}

function openTerminal(fd: number, option: string): ReadStream {
  try {
    return new ReadStream(fd);
  } catch {
    closeSync(fd);
    return fail('configuration', `the terminal cannot be used: give ${option}`);
  }
}

function askHidden(input: ReadStream, prompt: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  // Only now does the terminal itself echo nothing.
  process.stderr.write(prompt);
  let typed: string | undefined;
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      typed = line;
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    // The end of the input and Ctrl-C come here without a line.
    lines.once('close', () => {
      say('');
      if (typed === undefined) reject(new HoldfastError('malformed', 'nothing was typed: nothing was done'));
      else resolve(typed);
    });
  });
}
