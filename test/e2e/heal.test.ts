/** A node whose store was lost: it does not go on from an empty one unless it is told to, and then not before it has the records. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { MAIN, requireLayout } from '../../src/cli/fleet/layout.ts';
import { normalisePasscode, PASSCODE, Secret } from '../../src/client/index.ts';
import { QUICK, TestFleet } from './fleet.ts';

let fleet: TestFleet;
let healing: ReturnType<typeof spawn> | undefined;
beforeAll(async () => {
  fleet = await TestFleet.up(3);
}, 180_000);
afterAll(async () => {
  if (healing?.exitCode === null) {
    const ended = new Promise((resolve) => healing?.once('close', resolve));
    healing.kill('SIGTERM');
    await ended;
  }
  await fleet?.down();
}, 60_000);

const RIGHT = normalisePasscode('271828');

test('a used token over an empty store is refused; told to heal it reads the records of the others, then votes', async () => {
  const key = systemRandom(32);
  await (await fleet.device('ada')).deposit(PASSCODE, new Secret(key), RIGHT, QUICK);
  await fleet.stop(3);
  const data = join(fleet.folder, 'node-3', 'data');
  rmSync(data, { recursive: true });
  const member = requireLayout(fleet.folder).nodes[2] ?? expect.fail('a third node');
  const run = (...more: string[]) => [MAIN, ...member.command, ...more];
  const options = { env: { PATH: process.env['PATH'], ...member.environment } };
  const refused = promisify(execFile)(process.execPath, run(), options);
  await expect(refused).rejects.toMatchObject({
    stderr: expect.stringMatching(/the store is empty, and this token counts \d+ slots.*--heal/),
  });
  healing = spawn(process.execPath, run('--heal'), { ...options, stdio: 'ignore' });
  const url = fleet.entry.fleets[0]?.nodes[2]?.url ?? expect.fail('a third node');
  const ready = async () => (await fleet.fetch(`${url}/ready`, {}).catch(() => undefined))?.status;
  await expect.poll(ready, { timeout: 60_000, interval: 250 }).toBe(200);
  expect(existsSync(join(data, 'healing'))).toBe(false);
  // Its share came back with the record: with another node down the key opens by it.
  await fleet.stop(2);
  const opened = await (await fleet.device('ada', 1)).recover(PASSCODE, RIGHT);
  expect(opened.kind === 'opened' && opened.opened.secret).toEqual(key);
}, 180_000);
