/**
 * The demonstration: everything through the commands that a person types, on real processes with real tokens. It says what
 * it does, checks what it claims, and ends with "demo: ok" or with what went wrong.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';

const project = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { folder: { type: 'string' }, keep: { type: 'boolean', default: false } } });
const folder = resolve(values.folder ?? join(project, 'src'));
const root = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
const fleet = join(root, 'fleet');
const store = join(root, 'storage');
const NODES = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'];
const PIN = '271828';
const WRONG_PIN = '314159';

class DemoFailure extends Error {}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @param pin handed over on file descriptor 3, as a script would */
function holdfast(args: readonly string[], pin?: string): Promise<Ran> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [join(project, 'src/cli/main.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    const streams = child.stdio as unknown as [null, NodeJS.ReadableStream, NodeJS.ReadableStream, NodeJS.WritableStream];
    const [, stdout, stderr, passcode] = streams;
    let out = '';
    let err = '';
    stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      if (args[0] === 'fleet' && args[1] === 'up') process.stdout.write(indent(chunk.toString()));
    });
    passcode.on('error', () => undefined);
    passcode.end(pin === undefined ? '' : `${pin}\n`);
    child.on('error', failed);
    child.on('close', (code) => done({ code: code ?? 1, out, err }));
  });
}

async function must(args: readonly string[], pin?: string): Promise<string> {
  const { code, out, err } = await holdfast(args, pin);
  if (code !== 0) throw new DemoFailure(`holdfast ${args.join(' ')} failed:\n${err}`);
  return out;
}

async function mustFail(code: string, args: readonly string[], pin?: string): Promise<string> {
  const ran = await holdfast(args, pin);
  if (ran.code === 0) throw new DemoFailure(`holdfast ${args.join(' ')} was expected to fail with ${code}, and did not`);
  if (!ran.err.includes(`error: ${code}:`)) throw new DemoFailure(`expected error ${code}, got:\n${ran.err}`);
  return ran.err.split('\n').find((line) => line.startsWith('error:')) ?? '';
}

const started = Date.now();
function chapter(text: string): void {
  const seconds = ((Date.now() - started) / 1000).toFixed(0).padStart(3);
  process.stdout.write(`\n${styleText('bold', `[${seconds} s] ${text}`, { stream: process.stdout })}\n`);
}
const tell = (text: string): void => void process.stdout.write(indent(text));
const indent = (text: string): string => `${text.trimEnd().replace(/^/gm, '  ')}\n`;

/** Names, kinds, modes and contents of all that is below a folder. */
function fingerprint(path: string, name = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(path, name), { withFileTypes: true })) {
    const below = join(name, entry.name);
    const full = join(path, below);
    const { mode } = lstatSync(full);
    if (entry.isDirectory()) {
      found.set(below, `folder ${mode}`);
      for (const [key, value] of fingerprint(path, below)) found.set(key, value);
    } else if (entry.isSymbolicLink()) found.set(below, `link ${readlinkSync(full)}`);
    else found.set(below, `file ${mode} ${createHash('sha256').update(readFileSync(full)).digest('hex')}`);
  }
  return found;
}

function mustEqual(before: ReadonlyMap<string, string>, restored: string): void {
  const after = fingerprint(restored);
  const names = new Set([...before.keys(), ...after.keys()]);
  const different = [...names].filter((name) => before.get(name) !== after.get(name));
  if (different.length > 0) throw new DemoFailure(`restored, but different: ${different.slice(0, 5).join(', ')}`);
  tell(`${before.size} files and folders, every byte the same`);
}

interface Status {
  readonly guessesLeft: number;
  readonly locked: boolean;
  readonly nodes: readonly { node: string; generation: number; tried: number; cleared: number }[];
}
const home = (device: string): string[] => ['--home', join(root, device)];
const statusOf = async (device: string): Promise<Status> => JSON.parse(await must(['status', '--json', ...home(device)])) as Status;
const restore = (device: string, to: string): string[] => ['restore', store, '--to', join(root, to), '--passcode-fd', '3', ...home(device)];

async function setUpDevice(device: string): Promise<void> {
  await must(['setup', '--profile', join(fleet, 'profile.json'), '--user', 'alice', ...home(device)]);
}

async function demonstrate(): Promise<void> {
  chapter('Five vault nodes, and who vouches for their keys: a witness with its log, a third party; each with its own process and token');
  await must(['fleet', 'up', '--nodes', '5', '--dir', fleet]);

  chapter(`Alice backs up ${folder} with a 6-digit PIN`);
  await setUpDevice('laptop');
  const pins = ['--passcode-fd', '3'];
  const before = fingerprint(folder);
  tell(await must(['backup', folder, '--to', store, ...pins, '--cooling-off', '60', '--grace', '0', ...home('laptop')], PIN));

  chapter('Her laptop is lost. A second device restores with the PIN alone');
  rmSync(join(root, 'laptop'), { recursive: true });
  await setUpDevice('phone');
  tell(await must(restore('phone', 'restored-1'), PIN));
  mustEqual(before, join(root, 'restored-1'));

  chapter('A wrong PIN is counted by every node');
  tell(await mustFail('wrong-passcode', restore('phone', 'never'), WRONG_PIN));
  tell(await must(['status', ...home('phone')]));
  if ((await statusOf('phone')).guessesLeft !== 9) throw new DemoFailure('nine guesses were expected to be left');

  chapter('A node is killed, and nobody notices; success refills the guesses');
  await must(['fleet', 'stop', 'node-2', '--kill', '--dir', fleet]);
  tell(await must(restore('phone', 'restored-2'), PIN));
  mustEqual(before, join(root, 'restored-2'));
  const without = await statusOf('phone');
  if (without.guessesLeft !== 10 || without.nodes.some(({ node }) => node === 'node-2'))
    throw new DemoFailure('ten guesses and four nodes were expected');

  chapter('The node comes back and catches up from its peers');
  await must(['fleet', 'start', 'node-2', '--dir', fleet]);
  await until('node-2 to know of the success', async () => {
    const { nodes } = await statusOf('phone');
    const highest = Math.max(...nodes.map(({ cleared }) => cleared));
    return nodes.find(({ node }) => node === 'node-2')?.cleared === highest;
  });
  tell(await must(['status', ...home('phone')]));

  chapter('Ten wrong PINs, and it is gone: for the right PIN as well');
  for (let guess = 1; guess <= 10; guess += 1) {
    tell(await mustFail('wrong-passcode', restore('phone', 'never'), String(100_000 + guess)));
  }
  tell(await mustFail('locked', restore('phone', 'never'), PIN));
  if (!(await statusOf('phone')).locked) throw new DemoFailure('the passcode was expected to be locked');
  const erased = () => NODES.filter((node) => readFileSync(join(fleet, node, 'trace.log'), 'utf8').includes('"msg":"erased"'));
  await until('every node to erase its share', async () => erased().length === NODES.length);
  tell('a quorum certified the lock, and every node has erased its share');

  chapter('An outsider, who knows only the root, checks whose keys these are, and asks every node');
  const { urls } = JSON.parse(readFileSync(join(fleet, 'profile.json'), 'utf8')) as { urls: string[] };
  const trusting = ['--root', join(fleet, 'root.json'), '--ca', join(fleet, 'ca.pem'), '--allow-simulated'];
  tell(await must(['verify', '--url', ...urls, '--live', ...trusting]));
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + 60_000;
  while (Date.now() < limit) {
    if (await holds()) return;
    await new Promise((wake) => setTimeout(wake, 500));
  }
  throw new DemoFailure(`waited a minute for ${what}`);
}

function printByHand(): void {
  chapter('The fleet keeps running. By hand:');
  const command = `${join(project, 'node_modules/.bin/node')} ${join(project, 'src/cli/main.ts')}`;
  tell(
    [
      `alias holdfast='${command}'`,
      `holdfast setup --profile ${join(fleet, 'profile.json')} --user bob --home /tmp/bob`,
      'holdfast backup FOLDER --to /tmp/bob-backup --home /tmp/bob',
      'holdfast status --home /tmp/bob',
      `holdfast setup --profile ${join(fleet, 'profile.json')} --user bob --home /tmp/bob-2`,
      'holdfast restore /tmp/bob-backup --to /tmp/bob-restored --home /tmp/bob-2',
      `holdfast fleet status --dir ${fleet}`,
      `holdfast fleet stop node-3 --kill --dir ${fleet}`,
      `holdfast fleet down --dir ${fleet} && rm -r ${root}`,
    ].join('\n'),
  );
}

// Interrupted, it leaves nothing running either.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write('\ndemo: interrupted, stopping the fleet\n');
    void holdfast(['fleet', 'down', '--dir', fleet]).finally(() => {
      rmSync(root, { recursive: true, force: true });
      process.exit(1);
    });
  });
}

let failure: unknown;
try {
  await demonstrate();
} catch (error) {
  failure = error;
}
if (values.keep) printByHand();
else {
  await holdfast(['fleet', 'down', '--dir', fleet]);
  if (failure === undefined) rmSync(root, { recursive: true, force: true });
}
if (failure === undefined) process.stdout.write('\ndemo: ok\n');
else {
  const message = failure instanceof DemoFailure ? failure.message : String(failure instanceof Error ? failure.stack : failure);
  process.stderr.write(`\ndemo: FAILED: ${message}\n  what the nodes traced is in ${fleet}\n`);
  process.exitCode = 1;
}
