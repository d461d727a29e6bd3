/**
 * Publishing as an operator does it: commands, a witness and a third party as processes of their own, nodes with tokens. What
 * clients are told is asked of the nodes over HTTPS and verified under the root that they pin.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenEnvironment } from '../../src/cli/fleet/layout.ts';
import type { Published } from '../../src/operator/publish.ts';
import { requireTrusted, verifyBundle } from '../../src/trust/verify.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';
import { holdfast, MAIN, type Ran } from '../cli/holdfast.ts';
import { Device } from '../cli/person.ts';
import { TestFleet } from '../e2e/fleet.ts';

const BUSY_MS = 300_000;
let fleet: TestFleet;
let operator = '';
let nodes: readonly string[];
let putBack: () => void;
/** node-2, as the launcher would start it. */
let launched: ChildProcess | undefined;

beforeAll(async () => {
  fleet = await TestFleet.up(3, undefined, 'over-the-air');
  operator = join(fleet.folder, 'operator');
  await holdfast('fleet', 'stop', 'witness', '--dir', fleet.folder);
  // Its token too: it remembers what was cosigned, and would refuse to start on an older folder.
  const copies = ['data', 'tokens'].map((name) => snapshot(join(fleet.folder, 'witness', name)));
  putBack = () => {
    for (const copy of copies) copy();
  };
  await holdfast('fleet', 'start', 'witness', '--dir', fleet.folder);
  nodes = fleet.entry.fleets[0]!.nodes.map(({ url }) => url);
}, BUSY_MS);
afterAll(() => {
  launched?.kill('SIGKILL');
  return fleet.down();
}, BUSY_MS);

/** @returns what puts the folder back as it is now */
function snapshot(folder: string): () => void {
  cpSync(folder, `${folder}.copy`, { recursive: true });
  return () => {
    rmSync(folder, { recursive: true });
    cpSync(`${folder}.copy`, folder, { recursive: true });
  };
}

const environment = () => ({ PATH: process.env['PATH'], ...tokenEnvironment(operator) });
const argumentsOf = (args: readonly string[], config = 'operator.json') => [MAIN, 'fleet', ...args, '--config', join(operator, config)];

/** As the operator runs it: with the token that it is about. */
function run(args: readonly string[], config?: string): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, argumentsOf(args, config), { env: environment() }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}
async function published(args: readonly string[], config?: string): Promise<Published> {
  const { code, out, err } = await run([...args, '--json'], config);
  expect(code, err).toBe(0);
  return JSON.parse(out) as Published;
}

const bundleAt = async (url: string) => (await fleet.fetch(`${url}/v1/bundle`, {})).text();
/** As a client that pins root.json finds it. */
async function trustedAt(url: string) {
  const verdict = verifyBundle(await bundleAt(url), {
    roots: readFileSync(join(fleet.folder, 'root.json'), 'utf8'),
    policy: { thirdParties: 1, allowSimulated: true },
    nowMs: Date.now(),
    purpose: { kind: 'register' },
    verify: verifyP256,
  });
  return requireTrusted(verdict);
}
async function person() {
  const device = new Device(join(fleet.folder, 'home'));
  await device.json(['setup', '--profile', join(fleet.folder, 'profile.json'), '--user', 'alice']);
  return { device, passcode: { passcode: '271828' } };
}
const until = async (holds: () => Promise<boolean>) => {
  for (const endMs = Date.now() + 60_000; !(await holds().catch(() => false)); await sleep(200)) {
    if (Date.now() > endMs) throw new Error('waited a minute');
  }
};

describe('a fleet that comes up', () => {
  it('is published: every node serves a bundle that a client takes, with all who vouch', async () => {
    for (const url of nodes) {
      const { entry, bundle } = await trustedAt(url);
      expect([entry.sequence, entry.fleets.map(({ fleet: { id } }) => id)]).toEqual([1, fleet.entry.fleets.map(({ fleet: { id } }) => id)]);
      expect(bundle.proof.match(/^— /gm)).toHaveLength(4);
    }
  });

  it('says so in its status', async () => {
    const { out } = await holdfast('fleet', 'status', '--json', '--dir', fleet.folder);
    const { members } = JSON.parse(out) as { members: { name: string; ready: boolean }[] };
    expect(members.filter(({ ready }) => ready).map(({ name }) => name)).toEqual([
      'node-1',
      'node-2',
      'node-3',
      'accounts',
      'witness',
      'third-party',
    ]);
  });
});

describe('publishing', () => {
  it(
    'killed at moments of its choosing, and run again, makes one entry',
    async () => {
      const marks = [/drafted/, /signed the entry/, /admitted/, /countersigned/, /made the bundle/];
      for (const mark of marks) await killedAt(mark);
      const { sequence, size, serving } = await published(['publish']);
      expect([sequence, size]).toEqual([2, 2]);
      expect(serving).toHaveLength(3);
      for (const url of nodes) expect((await trustedAt(url)).entry.sequence).toBe(2);
    },
    BUSY_MS,
  );

  it(
    'to one node is publishing to all: the others ask it',
    async () => {
      await fleet.stop(2, 3);
      const refreshed = await published(['refresh']);
      expect(refreshed).toMatchObject({ admitted: false, serving: ['node-1'], silent: [{ node: 'node-2' }, { node: 'node-3' }] });
      await fleet.start(2, 3);
      for (const url of nodes) await until(async () => (await trustedAt(url)).bundle.digest === refreshed.bundle);
    },
    BUSY_MS,
  );

  it(
    'with a node away is refused, naming it, and its entry is not in the log',
    async () => {
      const before = (await trustedAt(nodes[0]!)).entry.sequence;
      await fleet.stop(3);
      const { code, err } = await run(['publish', '--renew']);
      expect(code).toBe(1);
      expect(err).toMatch(/error: unreachable: node-3 does not sign the entry/);
      await fleet.start(3);
      expect((await published(['publish'])).sequence).toBe(before + 1);
    },
    BUSY_MS,
  );

  it(
    'goes on without a node that is lost for good, and people are told and recover',
    async () => {
      const { device, passcode } = await person();
      const backUp = ['backup', join(fleet.folder, 'photos'), '--to', join(fleet.folder, 'backup')];
      mkdirSync(join(fleet.folder, 'photos'));
      writeFileSync(join(fleet.folder, 'photos', 'one'), 'one');
      expect((await device.run(backUp, passcode)).err).not.toContain('absent');
      await holdfast('fleet', 'stop', 'node-3', '--kill', '--dir', fleet.folder);
      const before = (await trustedAt(nodes[0]!)).entry.sequence;
      const { sequence, serving } = await published(['publish', '--renew', '--without', 'node-3']);
      expect([sequence, serving]).toEqual([before + 1, ['node-1', 'node-2']]);
      expect((await trustedAt(nodes[1]!)).fleet.absent).toEqual([
        { node: fleet.entry.fleets[0]!.nodes[2]!.id, signed: expect.any(String) },
      ]);
      expect(await published(['refresh'])).toMatchObject({ sequence, admitted: false });
      const { code, err } = await device.run(['restore', join(fleet.folder, 'backup'), '--to', join(fleet.folder, 'back')], passcode);
      expect([code, err]).toEqual([0, expect.stringMatching(/warning: the fleet keys \(nodes\): 2 of the 3 nodes .*Absent.*: node-3\./)]);
      expect(readFileSync(join(fleet.folder, 'back', 'one'), 'utf8')).toBe('one');
    },
    BUSY_MS,
  );

  it(
    'that a fleet is to be left is told to everyone, by the nodes that are left',
    async () => {
      const [
        {
          fleet: { id },
        },
      ] = fleet.entry.fleets as [(typeof fleet.entry.fleets)[number]];
      expect(await published(['retire', id.slice(0, 12)])).toMatchObject({ serving: ['node-1', 'node-2'], silent: [{ node: 'node-3' }] });
      const text = await bundleAt(nodes[1]!);
      expect(text).toContain('\\"state\\":\\"retiring\\"');
      // Nothing is registered there any more.
      await expect(trustedAt(nodes[1]!)).rejects.toMatchObject({ evidence: { check: 'fleet' } });
      expect((await run(['retire', 'no-such-fleet'])).err).toMatch(/error: not-found/);
    },
    BUSY_MS,
  );
});

describe('an entry over the air that names code', () => {
  it(
    'is what a node starts by, and no file of the node was edited',
    async () => {
      const measurement = '5a'.repeat(32);
      const file = join(operator, 'operator.json');
      const config = JSON.parse(readFileSync(file, 'utf8')) as { fleets: object[] };
      const measured = { measurements: [{ digest: measurement, rebuild: 'npm run release' }] };
      writeFileSync(file, JSON.stringify({ ...config, fleets: config.fleets.map((one) => ({ ...one, ...measured })) }));
      await published(['publish']);
      await fleet.stop(2);
      const trace = join(fleet.folder, 'node-2', 'launched.log');
      const start = (more: NodeJS.ProcessEnv) => {
        const folder = join(fleet.folder, 'node-2');
        const out = openSync(trace, 'w');
        return spawn(process.execPath, [MAIN, 'node', 'start', '--config', join(folder, 'node.json')], {
          env: { PATH: process.env['PATH'], ...tokenEnvironment(folder), ...more },
          stdio: ['ignore', out, out],
        });
      };
      await once(start({}), 'close');
      expect(readFileSync(trace, 'utf8')).toMatch(/started from source, and the fleet entry permits measured code only/);
      // As the launcher hands it on.
      launched = start({ HOLDFAST_MEASUREMENT: measurement });
      await until(async () => readFileSync(trace, 'utf8').includes('"msg":"started"'));
      // It signs what names its code: and so what is published next, too.
      expect(await published(['publish', '--renew'])).toMatchObject({ admitted: true });
    },
    BUSY_MS,
  );
});

describe('not countersigned', () => {
  it(
    'an entry that somebody put into the log with our own keys, and what he shows is kept',
    async () => {
      const served = await bundleAt(nodes[0]!);
      // A thief has copied everything, and takes care that his entry is admitted.
      const config = JSON.parse(readFileSync(join(operator, 'operator.json'), 'utf8')) as object;
      cpSync(join(operator, 'state'), join(operator, 'thief'), { recursive: true });
      writeFileSync(join(operator, 'thief.json'), JSON.stringify({ ...config, stateDir: 'thief', thirdParties: 0 }));
      const thief = spawn(process.execPath, argumentsOf(['publish', '--renew'], 'thief.json'), {
        env: environment(),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await saying(thief, /admitted/);
      thief.kill('SIGKILL');
      await once(thief, 'close');
      const { code, err } = await run(['refresh']);
      expect(code).toBe(1);
      expect(err).toMatch(/error: alarm: the log holds an entry that this operator did not submit. Nothing was countersigned/);
      expect(err).toContain('evidence: ');
      const [kept] = readdirSync(join(operator, 'state', 'evidence'));
      expect(kept).toMatch(/^foreign-entry-/);
      expect(await bundleAt(nodes[0]!)).toBe(served);
      rmSync(join(operator, 'thief'), { recursive: true });
    },
    BUSY_MS,
  );

  it(
    'a log that was put back to what it was at first',
    async () => {
      await holdfast('fleet', 'stop', 'witness', '--dir', fleet.folder);
      putBack();
      await holdfast('fleet', 'start', 'witness', '--dir', fleet.folder);
      const { code, err } = await run(['refresh']);
      expect(code).toBe(1);
      expect(err).toMatch(/error: alarm: the log went back: it has fewer entries than were seen. Nothing was countersigned/);
    },
    BUSY_MS,
  );
});

/** Runs a command that publishes, and kills it as soon as it says this. */
async function killedAt(mark: RegExp): Promise<void> {
  const command = spawn(process.execPath, argumentsOf(['publish', '--renew']), { env: environment(), stdio: ['ignore', 'ignore', 'pipe'] });
  await saying(command, mark);
  command.kill('SIGKILL');
  await once(command, 'close');
}

async function saying(command: ChildProcess, mark: RegExp): Promise<void> {
  let said = '';
  for await (const chunk of command.stderr!) {
    said += String(chunk);
    if (mark.test(said)) return;
  }
  throw new Error(`it ended without saying ${mark}: ${said}`);
}
