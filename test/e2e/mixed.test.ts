/**
 * A fleet is upgraded node by node: the previous release and this one together serve everything. The previous one is real: its
 * sources out of git, its own processes, its tokens and stores, which this release then takes over as they are.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  choosePasscode,
  generateClientKey,
  memoryMemos,
  normalisePasscode,
  PASSCODE,
  parseEntry,
  Secret,
  VaultClient,
} from '../../src/client/index.ts';
import { fetchWith, nativeArgon2id } from '../../src/client/node/index.ts';
import { clientKeyJwk } from '../../src/vault/client-key.ts';
import { type Profile, QUICK } from './fleet.ts';

const project = join(import.meta.dirname, '../..');
/** The first that has the statements and registrations of today: earlier ones say other things to each other, and are not read. */
const PREVIOUS = 'fac0688';
const hasHistory = isCommit(PREVIOUS);

const folder = mkdtempSync(join(tmpdir(), 'holdfast-mixed-'));
const previous = join(folder, 'previous');
const place = join(folder, 'fleet');
type Release = 'previous' | 'this';
const NODES = [1, 2, 3];
const running = new Map<number, ReturnType<typeof spawn>>();

function isCommit(name: string): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${name}^{commit}`], { cwd: project, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const mainOf = (release: Release): string => join(release === 'this' ? project : previous, 'src/cli/main.ts');
const asPrevious = (...args: readonly string[]) =>
  execFileSync(process.execPath, [mainOf('previous'), 'fleet', ...args, '--dir', place], { stdio: 'pipe' });

beforeAll(() => {
  if (!hasHistory) return;
  mkdirSync(previous);
  execFileSync('tar', ['-x', '-C', previous], { input: execFileSync('git', ['archive', PREVIOUS], { cwd: project, maxBuffer: 1 << 28 }) });
  const dependencies = (root: string) =>
    (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }).dependencies;
  // The packages it was locked to are those of this checkout: else this would be another release than the one that landed.
  expect(dependencies(project)).toMatchObject(dependencies(previous));
  symlinkSync(join(project, 'node_modules'), join(previous, 'node_modules'));
  asPrevious('up', '--nodes', '3');
  for (const node of NODES) asPrevious('stop', `node-${node}`);
}, 300_000);

afterAll(async () => {
  for (const node of [...running.keys()]) await stop(node, 'SIGKILL');
  await web?.close();
  if (existsSync(place)) asPrevious('down');
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

async function start(node: number, release: Release): Promise<void> {
  const at = join(place, `node-${node}`);
  const engines = execFileSync('bash', ['-c', 'echo /usr/lib/*/engines-3'], { encoding: 'utf8' }).trim();
  const trace = openSync(join(at, `trace-${release}.log`), 'a');
  const child = spawn(process.execPath, [mainOf(release), 'node', 'start', '--config', join(at, 'node.json')], {
    stdio: ['ignore', trace, trace],
    env: {
      PATH: process.env['PATH'],
      SOFTHSM2_CONF: join(at, 'softhsm2.conf'),
      OPENSSL_ENGINES: engines,
      PKCS11_MODULE_PATH: '/usr/lib/softhsm/libsofthsm2.so',
    },
  });
  running.set(node, child);
}

async function stop(node: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const child = running.get(node);
  running.delete(node);
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  await ended;
}

const profile = () => JSON.parse(readFileSync(join(place, 'profile.json'), 'utf8')) as Profile;
const entry = () => parseEntry(readFileSync(join(place, 'fleet-entry.json'), 'utf8'));
let web: ReturnType<typeof fetchWith> | undefined;

function connected(): ReturnType<typeof fetchWith> {
  web ??= fetchWith(readFileSync(profile().caFile, 'utf8'));
  return web;
}

async function ready(...nodes: readonly number[]): Promise<void> {
  const { fetch } = connected();
  for (const node of nodes) {
    const { url } = entry().fleets[0]!.nodes[node - 1]!;
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(`${url}/ready`, {}).catch(() => undefined);
      if (answer?.status === 200) break;
      const ended = running.get(node)?.exitCode;
      if (tries > 400 || typeof ended === 'number') {
        const words = ['previous', 'this'].map((release) => join(place, `node-${node}`, `trace-${release}.log`)).filter(existsSync);
        throw new Error(`node-${node} is not ready: ${words.map((file) => readFileSync(file, 'utf8').slice(-1500)).join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** @param first the node that carries the messages */
async function device(user: string, first: number): Promise<VaultClient> {
  const clientKey = await generateClientKey();
  const { accounts, tenant } = profile();
  const answer = await connected().fetch(`${accounts}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, clientKey: clientKeyJwk(clientKey.publicKey) }),
  });
  const { pass } = (await answer.json()) as { pass: string };
  const login = { clientKey, pass: new Secret(pass), tenant };
  return new VaultClient({
    entry: entry(),
    allowSimulated: true,
    ...login,
    memos: memoryMemos(),
    fetch: connected().fetch,
    first: first - 1,
    argon2id: nativeArgon2id,
  });
}

const hexOf = (secret: Uint8Array | Secret<Uint8Array>) => Buffer.from(secret instanceof Secret ? secret.reveal() : secret).toString('hex');
const deposited = new Map<string, Uint8Array>();

async function deposit(user: string, first: number): Promise<void> {
  const secret = new Uint8Array(randomBytes(32));
  await (await device(user, first)).deposit(PASSCODE, new Secret(secret), await choosePasscode('271828', [user]), QUICK);
  deposited.set(user, secret);
}

async function recover(user: string, first: number): Promise<void> {
  const found = await (await device(user, first)).recover(PASSCODE, normalisePasscode('271828'));
  expect(found).toMatchObject({ kind: 'opened' });
  if (found.kind === 'opened') expect(hexOf(found.opened.secret)).toBe(hexOf(deposited.get(user)!));
}

test.runIf(hasHistory)(
  'what either release took in, both give back; each catches up from the other; stores and tokens are taken over as they are',
  async () => {
    for (const node of NODES) await start(node, 'previous');
    await ready(...NODES);
    await deposit('before', 1);

    await stop(1);
    await start(1, 'this');
    await ready(1);
    for (const first of NODES) await recover('before', first);
    await deposit('by-this', 1);
    await deposit('by-previous', 2);
    for (const user of ['by-this', 'by-previous']) for (const first of [1, 3]) await recover(user, first);

    // One of the previous release learns from one of this what it missed, and then it is needed.
    await stop(3);
    await deposit('without-3', 1);
    await start(3, 'previous');
    await ready(3);
    await stop(2);
    await recover('without-3', 3);
    await start(2, 'previous');
    await ready(2);

    // And the other way.
    await stop(1);
    await deposit('without-1', 2);
    await start(1, 'this');
    await ready(1);
    await stop(3);
    await recover('without-1', 1);

    await start(3, 'this');
    await ready(3);
    await stop(2);
    await start(2, 'this');
    await ready(2);
    for (const user of deposited.keys()) await recover(user, 2);
  },
  600_000,
);
