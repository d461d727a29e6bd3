/**
 * What a person is told, by the command, when the passcode is right and the fleet is not well: nodes that hang, a security module
 * that hangs, a node that lies, just as many nodes as a threshold needs. What is said is true, it is said in time, and no guess is
 * lost that was not made.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AccountStatus } from '../../src/device/status.ts';
import { Device } from '../cli/person.ts';
import { TestFleet } from './fleet.ts';

const BUSY_MS = 400_000;
const PIN = '271828';
/** A node that hangs costs three seconds at most before the next one is asked; the rest is this machine. */
const ROUND_MS = 90_000;
/** An operation waits 45 s for nodes, and twice 5 s for the fleet keys before it; the rest is this machine. */
const GIVES_UP_MS = 110_000;

let fleet: TestFleet;
let alice: Device;
const path = (...parts: string[]) => join(fleet.folder, ...parts);

beforeAll(async () => {
  fleet = await TestFleet.up(5, undefined, 'over-the-air');
  mkdirSync(path('documents'));
  writeFileSync(path('documents', 'letter.txt'), 'Dear Bob,');
  alice = await device('alice', 'laptop');
  await alice.json(['backup', path('documents'), '--to', path('backup')], { passcode: PIN });
}, BUSY_MS);
afterEach(() => fleet.thaw(1, 2, 3, 4, 5));
afterAll(() => fleet?.down(), 180_000);

async function device(user: string, name: string): Promise<Device> {
  const made = new Device(path(`${user}-${name}`));
  await made.json(['setup', '--profile', path('profile.json'), '--user', user]);
  return made;
}

let restored = 0;
async function restore(secrets: { readonly passcode: string } = { passcode: PIN }) {
  restored += 1;
  const to = path(`restored-${restored}`);
  const beganMs = performance.now();
  const ran = await alice.run(['restore', path('backup'), '--to', to, '--json'], secrets);
  const letter = ran.code === 0 ? readFileSync(join(to, 'letter.txt'), 'utf8') : undefined;
  return { ...ran, tookMs: performance.now() - beganMs, letter };
}
const status = () => alice.json<AccountStatus>(['status']);
/** The last line is the error; before it stands what was said on the way. */
const errorOf = ({ err }: { err: string }) =>
  (JSON.parse(err.trimEnd().split('\n').at(-1) ?? '') as { error: { code: string; message: string; evidence: object } }).error;

describe('with the right passcode', () => {
  it.each([[[1, 2]], [[3, 4]], [[5, 1]]])(
    'and nodes %j that hang, everything works as ever, a little later',
    async (nodes) => {
      fleet.freeze(...nodes);
      const { code, letter, err, tookMs } = await restore();
      expect({ code, letter }, err).toEqual({ code: 0, letter: 'Dear Bob,' });
      expect(tookMs).toBeLessThan(ROUND_MS);
      const beganMs = performance.now();
      expect(await status()).toMatchObject({ guessesLeft: 10, silent: nodes.map((node) => `node-${node}`).sort() });
      expect(performance.now() - beganMs).toBeLessThan(ROUND_MS);
    },
    BUSY_MS,
  );

  it(
    'and too many that hang, the command gives up in time, no guess is made, and all is as before once they go on',
    async () => {
      const before = (await status()).nodes;
      fleet.freeze(2, 4, 5);
      const { tookMs, ...ran } = await restore();
      expect(errorOf(ran)).toMatchObject({ code: 'no-quorum', message: expect.not.stringContaining('wrong') });
      expect(ran.code).toBe(5);
      expect(tookMs).toBeLessThan(GIVES_UP_MS);
      fleet.thaw(2, 4, 5);
      await expect.poll(async () => (await status()).silent, { timeout: 60_000, interval: 1000 }).toEqual([]);
      expect((await status()).nodes).toEqual(before);
      expect(await restore()).toMatchObject({ code: 0, letter: 'Dear Bob,' });
      expect(await status()).toMatchObject({ guessesLeft: 10 });
    },
    BUSY_MS,
  );

  it(
    'and a security module that hangs, the others are enough; later its node is there again',
    async () => {
      const release = await hang('node-3');
      try {
        const { code, letter, err, tookMs } = await restore();
        expect({ code, letter }, err).toEqual({ code: 0, letter: 'Dear Bob,' });
        expect(tookMs).toBeLessThan(ROUND_MS);
        expect(await status()).toMatchObject({ guessesLeft: 10, silent: ['node-3'] });
      } finally {
        release();
      }
      await expect.poll(async () => (await status()).silent, { timeout: 120_000, interval: 1000 }).toEqual([]);
      expect(await restore()).toMatchObject({ code: 0, letter: 'Dear Bob,' });
    },
    BUSY_MS,
  );

  it(
    'and a node that answers falsely, its answer is left out',
    async () => {
      await fleet.stop(3);
      await startLiar(3);
      const { code, letter, err } = await restore();
      expect({ code, letter }, err).toEqual({ code: 0, letter: 'Dear Bob,' });
      expect(await status()).toMatchObject({ guessesLeft: 10, silent: [] });
    },
    BUSY_MS,
  );

  it(
    'and just enough nodes, one of which answers falsely, nobody is told that the passcode is wrong; it is the same guess later',
    async () => {
      await fleet.kill(4, 5);
      const ran = await restore();
      expect(ran.code).toBe(5);
      expect(errorOf(ran)).toMatchObject({
        code: 'no-quorum',
        message: expect.stringMatching(/too few nodes answered truly, so it is not known whether the passcode is right/),
      });
      const counted = (await status()).guessesUsed;
      expect(counted).toBe(1);
      // As often as he likes.
      expect((await restore()).code).toBe(5);
      expect((await status()).guessesUsed).toBe(counted);
      await fleet.start(4, 5);
      expect(await restore()).toMatchObject({ code: 0, letter: 'Dear Bob,' });
      expect(await status()).toMatchObject({ guessesLeft: 10 });
      await fleet.stop(3);
      await fleet.start(3);
    },
    BUSY_MS,
  );

  it(
    'and just enough honest nodes, it opens',
    async () => {
      await fleet.kill(1, 2);
      expect(await restore()).toMatchObject({ code: 0, letter: 'Dear Bob,' });
      await fleet.start(1, 2);
    },
    BUSY_MS,
  );
});

/** Starts the node from its own sources but for one line: whoever asks gets the element back in place of its share's answer. */
function startLiar(node: number): Promise<unknown> {
  const project = join(import.meta.dirname, '../..');
  const copy = path('liar');
  mkdirSync(copy);
  for (const name of ['src', 'package.json']) cpSync(join(project, name), join(copy, name), { recursive: true });
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
  const file = join(copy, 'src/node/drive.ts');
  const honest = readFileSync(file, 'utf8');
  const lying = honest.replace('return this.#evaluate(effect.registration, effect.element);', 'return effect.element;');
  expect(lying).not.toBe(honest);
  writeFileSync(file, lying);
  return fleet.startFrom(copy, node);
}

/**
 * Takes the lock of the token's files from outside: every call of the module that reads or writes an object waits for it, as for a
 * device that does not answer. @returns what gives it back
 */
async function hang(node: string): Promise<() => void> {
  const tokens = path(node, 'tokens');
  const [token = ''] = readdirSync(tokens);
  const files = readdirSync(join(tokens, token)).filter((name) => /object$|generation$/.test(name));
  const script = `use Fcntl qw(:flock SEEK_SET F_WRLCK F_SETLKW); $| = 1; my @held;
    for (@ARGV) { open(my $f, '+<', $_) or next; my $lock = pack('s s x4 q q l x4', F_WRLCK, SEEK_SET, 0, 0, 0); fcntl($f, F_SETLKW, $lock) or die $!; push @held, $f; }
    print "held\\n"; sleep 600;`;
  const child = spawn('perl', ['-e', script, ...files.map((name) => join(tokens, token, name))], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the lock could not be taken')));
  });
  return () => void child.kill('SIGKILL');
}
