/** VERIFY.txt as its reader takes it: each command, and what it is said to print; and a shell that runs them. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from '../cli/holdfast.ts';

export interface ReadClaim {
  readonly number: number;
  readonly command: string;
  readonly expected: string;
}

export function readClaims(text: string): readonly ReadClaim[] {
  const claims: { number: number; command: string; expected: string[] }[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number = Number(/^(\d+)\. /.exec(line)?.[1] ?? number);
    if (line.startsWith('    $ ')) claims.push({ number, command: line.slice(6), expected: [] });
    if (line.startsWith('    > ')) claims.at(-1)!.expected.push(line.slice(6));
  }
  return claims.map((one) => ({ ...one, expected: one.expected.join('\n') }));
}

/** A folder for PATH in which `holdfast` is this project. */
export function commandFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'holdfast'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(join(folder, 'holdfast'), 0o755);
  return folder;
}

/** What a command prints on stdout, as a person at a shell would run it. */
export function runClaim(command: string, cwd: string, commands: string, root: string): Promise<string> {
  const env = { ...process.env, PATH: `${commands}:${process.env['PATH']}`, ROOT: root };
  return new Promise((resolve) => {
    execFile('bash', ['-c', command], { cwd, env }, (_, out) => resolve(out.trimEnd()));
  });
}
