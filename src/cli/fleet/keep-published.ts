/**
 * Publishes a development fleet that comes up, or makes its bundle fresh again: by the operator's own command, in a process of
 * its own, because SoftHSM reads once per process where its tokens are.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fail } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import { type FleetLayout, MAIN, SIDES, tokenEnvironment } from './layout.ts';

/** Half of what clients allow. */
const YOUNG_MS = 7 * 24 * 3_600_000;

/** @param say told every line of the command @throws `configuration` with its last line when it fails */
export async function keepPublished({ folder }: FleetLayout, say: (line: string) => void): Promise<void> {
  const operator = join(folder, SIDES.operator);
  const bundle = statSync(join(operator, 'state', 'bundle.json'), { throwIfNoEntry: false });
  if (bundle !== undefined && systemClock() - bundle.mtimeMs < YOUNG_MS) return;
  const config = join(operator, SIDES.operatorConfig);
  const child = spawn(process.execPath, [MAIN, 'fleet', bundle === undefined ? 'publish' : 'refresh', '--config', config], {
    env: { PATH: process.env['PATH'], ...tokenEnvironment(operator) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let last = '';
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('error:')) last = line;
    say(line);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0)
    fail('configuration', `the fleet's keys are not published: ${last}`, { again: `holdfast fleet publish --config ${config}` });
}
