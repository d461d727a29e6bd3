/**
 * Runs `holdfast` until it has saved something for the n-th time, and dies there: at the most unfortunate moments, since whatever
 * the command does next rests on what it has just saved.
 *
 *   node victim.ts N ARGUMENTS...
 */
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [, , deadly = '', ...args] = process.argv;
const { rename } = promises;
let saved = 0;
promises.rename = async (from, to) => {
  await rename(from, to);
  saved += 1;
  if (saved === Number(deadly)) process.kill(process.pid, 'SIGKILL');
};
syncBuiltinESMExports();
process.argv.splice(2, Number.POSITIVE_INFINITY, ...args);
await import('../../src/cli/main.ts');
