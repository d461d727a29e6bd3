/** A fleet of three real processes on SoftHSM: brought up, hurt, looked at and taken down by the commands that a person types. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetStatus, MemberStatus } from '../../src/cli/fleet/status.ts';
import { holdfast, holdfastJson } from './holdfast.ts';

/** Six programs start here, perhaps on a machine that has other things to do. */
const BUSY_MS = 180_000;
const PROGRAMS = ['node-1', 'node-2', 'node-3', 'accounts'];

let root = '';
let folder = '';
const read = (...parts: string[]) => readFileSync(join(folder, ...parts), 'utf8');
const fleet = (...args: string[]) => holdfastJson('fleet', ...args, '--dir', folder);
const status = async (...args: string[]) => (await fleet(...args)) as FleetStatus;
const one = ({ members }: FleetStatus, name: string) => members.find((member) => member.name === name) as MemberStatus;
const pids = ({ members }: FleetStatus) => members.map(({ pid }) => pid);

let atFirst: FleetStatus;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-fleet-'));
  folder = join(root, 'fleet');
  atFirst = await status('up', '--nodes', '3', '--pinned');
}, BUSY_MS);

afterAll(async () => {
  await holdfast('fleet', 'down', '--dir', folder);
  rmSync(root, { recursive: true, force: true });
}, BUSY_MS);

it('comes up by one command, and every node votes', () => {
  expect(atFirst.members.map(({ name, ready }) => ({ name, ready }))).toEqual(PROGRAMS.map((name) => ({ name, ready: true })));
  for (const name of PROGRAMS.slice(0, 3)) expect(one(atFirst, name)).toMatchObject({ standing: 'voting', inReach: 3, quorum: 2 });
});

it('brought up again, stays as it is', async () => {
  const transcript = read('transcript.jsonl');
  const again = await status('up');
  expect(pids(again)).toEqual(pids(atFirst));
  expect(read('transcript.jsonl')).toBe(transcript);
});

it('does not become a fleet of another size', async () => {
  const { code, err } = await holdfast('fleet', 'up', '--nodes', '5', '--dir', folder);
  expect(code).toBe(1);
  expect(err).toMatch(/^error: configuration: .*another size/);
  expect(err).toContain('  next: ');
});

it('shows nothing to others, and no PIN in what it traces', () => {
  for (const path of readdirSync(folder, { recursive: true }) as string[]) expect(statSync(join(folder, path)).mode & 0o077, path).toBe(0);
  for (const node of PROGRAMS.slice(0, 3)) expect(read(node, 'trace.log')).not.toContain(read(node, 'pin').trim());
});

describe('a node that is killed', () => {
  it('is seen to be down, and the others go on', async () => {
    expect(await fleet('stop', 'node-2', '--kill')).toEqual({ 'node-2': 'killed' });
    const now = await status('status');
    expect(one(now, 'node-2')).toMatchObject({ ready: false, why: 'it does not run' });
    expect(one(now, 'node-2').pid).toBeUndefined();
    for (const name of ['node-1', 'node-3', 'accounts']) expect(one(now, name)).toMatchObject({ ready: true });
  });

  it('is ready again after a start', async () => {
    const now = await status('start', 'node-2');
    expect(one(now, 'node-2')).toMatchObject({ ready: true, standing: 'voting' });
    expect(one(now, 'node-2').pid).not.toBe(one(atFirst, 'node-2').pid);
  });

  it('is not found under a pid that another program has by now', async () => {
    await fleet('stop', 'node-3');
    writeFileSync(join(folder, 'node-3', 'pid'), `${process.pid}\n`);
    expect(one(await status('status'), 'node-3').pid).toBeUndefined();
    expect(await fleet('stop', 'node-3')).toEqual({ 'node-3': 'was down' });
    expect(one(await status('start', 'node-3'), 'node-3').ready).toBe(true);
  });
});

it('has tokens that can be looked at beside the running nodes', async () => {
  const report = await holdfastJson('token', 'check', '--config', join(folder, 'node-1', 'node.json'));
  expect(report).toMatchObject({ profile: 'softhsm2', simulated: true, counters: { found: { pages: 16, quarantined: false } } });
  expect(one(await status('status'), 'node-1')).toMatchObject({ ready: true, standing: 'voting' });
});

describe('its transcript', () => {
  it('proves the entry that is in use', async () => {
    const verified = await holdfastJson('ceremony', 'verify', '--dir', folder);
    expect(verified).toMatchObject({ compared: ['fleet-entry.json'], found: [], fleets: [expect.stringMatching(/^[0-9a-f]{64}$/)] });
  });

  it('shows a changed byte', async () => {
    const changed = join(root, 'changed.jsonl');
    writeFileSync(changed, read('transcript.jsonl').replace('"LOCAL":true', '"LOCAL":null'));
    const { code, err } = await holdfast('ceremony', 'verify', '--dir', folder, '--transcript', changed);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: malformed: /);
  });
});

it(
  'goes down when it is asked to, and comes up as it was',
  async () => {
    expect(await fleet('down')).toEqual(Object.fromEntries(PROGRAMS.map((name) => [name, 'stopped'])));
    const down = await status('status');
    expect(pids(down)).toEqual([undefined, undefined, undefined, undefined]);
    const up = await status('up');
    expect(up.members.every(({ ready }) => ready)).toBe(true);
    expect(up.members.map(({ url }) => url)).toEqual(atFirst.members.map(({ url }) => url));
  },
  BUSY_MS,
);
