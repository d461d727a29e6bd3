/**
 * Asks a person for a passcode: typed on the terminal without echo, or read from a file descriptor. Never an argument and
 * never the environment, which other processes of the machine can read.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { fail } from '../base/errors.ts';
import { say } from './report.ts';

/** @param fd from `--passcode-fd`: the first line that can be read there */
export function passcodeFrom(fd: number | undefined, again: boolean): () => Promise<string> {
  return async () => {
    if (fd !== undefined) return firstLine(readFileSync(fd, 'utf8'));
    if (!process.stdin.isTTY) return fail('configuration', 'there is no terminal to ask for the passcode: give --passcode-fd');
    const first = await askHidden('Passcode: ');
    if (again && (await askHidden('Again: ')) !== first) return fail('malformed', 'the two passcodes differ: nothing was done');
    return first;
  };
}

function firstLine(text: string): string {
  const [line = ''] = text.split(/\r?\n/);
  return line === '' ? fail('malformed', 'the file descriptor holds no passcode') : line;
}

async function askHidden(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    say('');
  }
}
