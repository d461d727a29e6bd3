/** Runs the command line as a person does. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

export function holdfast(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
  });
}

/** @throws what it wrote, unless it ended with 0 */
export async function holdfastJson(...args: readonly string[]): Promise<unknown> {
  const { code, out, err } = await holdfast(...args, '--json');
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
}
