/** The bench runs, prints one JSON line per figure with what docs/bench.md says of it, and leaves nothing behind. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

const rate = z.number().positive();
const every = { loadavg: z.number(), cores: z.int().positive(), time: z.iso.datetime() };
const latency = { p50Ms: rate, p99Ms: rate, inFlight: z.int().positive() };
const load = {
  nodes: z.literal(3),
  clients: z.literal('raw'),
  accounts: z.int(),
  deviceMs: z.literal(0),
  ...latency,
  ofCeiling: rate,
  cpuOfCeiling: rate,
  seconds: rate,
  failed: z.literal(0),
  cpuSeconds: z.strictObject({ nodes: rate, clients: rate, accounts: z.number() }),
  nodeCpuMsEach: rate,
  clientCpuMsEach: rate,
  commitsEach: rate,
  tokenObjectsPerCommit: rate,
};
const line = z.discriminatedUnion('bench', [
  z.strictObject({
    bench: z.literal('token-ceiling'),
    nodes: z.literal(3),
    recoveriesPerSecond: rate,
    slowestToken: rate,
    cpuMsEach: rate,
    seconds: rate,
    ...latency,
    ...every,
  }),
  z.strictObject({ bench: z.literal('fleet-registrations'), registrationsPerSecond: rate, registrations: z.int(), ...load, ...every }),
  z.strictObject({
    bench: z.literal('fleet-recoveries'),
    recoveriesPerSecond: rate,
    recoveries: z.int(),
    residentMiB: z.array(rate).length(3),
    ...load,
    ...every,
  }),
  z.strictObject({
    bench: z.literal('etcd'),
    nodes: z.literal(3),
    etcdWritesPerSecond: rate,
    attemptsPerSecond: rate,
    ofEtcd: rate,
    etcdCpuMsEach: z.number(),
    nodeCpuMsEach: rate,
    etcdP50Ms: rate,
    etcdP99Ms: rate,
    seconds: rate,
    ...latency,
    ...every,
  }),
  z.strictObject({
    bench: z.literal('slots'),
    slots: z.int(),
    pages: z.int(),
    votesAndAnswersPerSecond: rate,
    ofSmallest: rate,
    fillSeconds: rate,
    startSeconds: rate,
    databaseMiB: rate,
    residentMiB: rate,
    ...latency,
    ...every,
  }),
  z.strictObject({
    bench: z.literal('backup'),
    sizeMiB: z.int(),
    turns: z.int(),
    mibPerSecond: z.record(z.enum(['holdfast', 'age', 'ageSynced', 'bareCipher', 'holdfastRestore', 'ageRestore']), rate),
    ofAge: rate,
    ofAgeSynced: rate,
    ofBareCipher: rate,
    restoreOfAge: rate,
    ...every,
  }),
]);

/** @returns which figures were printed, in order; nothing is left behind */
async function figuresOf(...args: readonly string[]): Promise<string[]> {
  const temporary = mkdtempSync(join(tmpdir(), 'holdfast-bench-test-'));
  try {
    const { stdout } = await run(process.execPath, [join(root, 'scripts/bench/main.ts'), '--quick', ...args], {
      env: { ...process.env, TMPDIR: temporary },
    });
    const lines = stdout.trim().split('\n');
    expect(readdirSync(temporary)).toEqual([]);
    return lines.map((text) => line.parse(JSON.parse(text)).bench);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

test('prints the figures that are asked for, as documented', async () => {
  expect(await figuresOf('--only', 'slots')).toEqual(['slots', 'slots']);
}, 120_000);

// A fleet made, loaded and taken down: half a minute on a quiet machine.
test.runIf(process.env['HOLDFAST_LONG'] === '1')(
  'prints every figure as documented',
  async () => {
    const fleet = ['token-ceiling', 'token-ceiling', 'fleet-registrations', 'fleet-recoveries'];
    // etcd is skipped where it is not installed.
    const figures = (await figuresOf()).filter((name) => name !== 'etcd');
    expect(figures).toEqual([...fleet, 'slots', 'slots', 'backup']);
  },
  240_000,
);
