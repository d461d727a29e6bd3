/**
 * Asks a person for something secret: typed on the terminal without echo, or read from a file descriptor. Never an argument
 * and never the environment, which other processes of the machine can read.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Ask, AskNew } from '../device/recovery.ts';
import { say } from './report.ts';
import { whileAsking } from './waiting.ts';

export type { Ask, AskNew };

const TRIES_MAX = 3;
const NOTHING_TYPED = new HoldfastError('malformed', 'nothing was typed: nothing was done');

/**
 * @param what as in the prompt: "Passcode"
 * @param fd of an option; the first line that can be read there
 * @param option the name of that option, for who has no terminal
 */
export function askFor(what: string, fd: number | undefined, option: string): Ask {
  return async () => (fd === undefined ? withTerminal(option, (input) => askHidden(input, `${what}: `)) : firstLine(fd));
}

/**
 * As `askFor`, for what is being chosen: on a terminal twice, and again where that helps, before all that was done until here is for
 * nothing.
 */
export function askForNew(what: string, fd: number | undefined, option: string): AskNew {
  return async (check) => {
    if (fd !== undefined) return firstLine(fd);
    return withTerminal(option, async (input) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await choose(input, what, check);
        } catch (error) {
          if (tries === TRIES_MAX || !(error instanceof HoldfastError) || error === NOTHING_TYPED) throw error;
          say(error.message);
        }
      }
    });
  };
}

async function choose(input: ReadStream, what: string, check: (typed: string) => Promise<unknown>): Promise<string> {
  const first = await askHidden(input, `${what}: `);
  await check(first);
  return (await askHidden(input, 'Again: ')) === first ? first : fail('malformed', 'the two differ');
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
function withTerminal<T>(option: string, work: (input: ReadStream) => Promise<T>): Promise<T> {
  return whileAsking(() => onTerminal(option, work));
}

async function onTerminal<T>(option: string, work: (input: ReadStream) => Promise<T>): Promise<T> {
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
      if (typed === undefined) reject(NOTHING_TYPED);
      else resolve(typed);
    });
  });
}
