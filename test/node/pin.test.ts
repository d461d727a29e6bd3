/**
 * Where a node has its token's PIN from, as real processes: it starts with it, and the PIN is in no argument, environment,
 * configuration or trace; a wrong one is tried once.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { type FleetLayout, MAIN, type Member, requireLayout } from '../../src/cli/fleet/layout.ts';
import { makeFleetIn } from '../../src/cli/fleet/make.ts';
import { cardOf, splitPin } from '../../src/custody/shares.ts';
import { askDesk } from '../../src/custody/visit.ts';
import type { ConfigFile } from '../../src/node/config.ts';
import { endAll, Node, until } from './process.ts';

/** A node takes seconds to start, on a busy machine many. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'holdfast-pin-'));
let layout: FleetLayout;
let member: Member;
let pin: string;

beforeAll(async () => {
  await makeFleetIn(folder, 3, () => undefined);
  layout = requireLayout(folder);
  member = layout.nodes[0]!;
  pin = readFileSync(join(member.folder, 'pin'), 'utf8').trim();
  // The file is of no use to whoever has it.
  rmSync(join(member.folder, 'pin'));
  writeFileSync(join(folder, 'jwks.json'), '{"keys":[]}');
});
afterEach(endAll);
afterAll(() => rmSync(folder, { recursive: true }));

function config(source: ConfigFile['token']['pin']): string {
  const { passes, token, ...rest } = JSON.parse(readFileSync(member.config, 'utf8')) as ConfigFile;
  const { jwksUrl: _, ...account } = passes;
  const { pinFile: __, ...device } = token;
  const file = join(member.folder, 'pin-source.json');
  writeFileSync(file, JSON.stringify({ ...rest, passes: { ...account, jwksFile: '../jwks.json' }, token: { ...device, pin: source } }));
  return file;
}

const healthy = () =>
  new Promise<boolean>((resolve, reject) => {
    const asked = request(`${member.url}/health`, { ca: layout.authority, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('error', reject).end();
  });

/** The PIN is nowhere where another user, or a later reader, could find it. */
function expectNoTrace(node: Node): void {
  for (const name of ['environ', 'cmdline']) expect(readFileSync(`/proc/${node.pid}/${name}`, 'latin1')).not.toContain(pin);
  expect(node.output).not.toContain(pin);
  expect(readFileSync(join(member.folder, 'pin-source.json'), 'utf8')).not.toContain(pin);
}

function withFile<T>(text: string, use: (fd: number) => T): T {
  const file = join(folder, 'three');
  writeFileSync(file, text, { mode: 0o600 });
  const fd = openSync(file, 'r');
  rmSync(file);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

test('from a file descriptor', async () => {
  const node = withFile(`${pin}\n`, (three) => new Node(member, config({ fd: 3 }), { three }));
  await until(healthy, node);
  expectNoTrace(node);
  // Read and closed: what was there is not there for code that runs later.
  expect(existsSync(`/proc/${node.pid}/fd/3`) && statSync(`/proc/${node.pid}/fd/3`).size === pin.length + 1).toBe(false);
  expect(await node.end('SIGTERM')).toBe(0);
});

test('from a credential of systemd', async () => {
  const credentials = join(folder, 'credentials');
  mkdirSync(credentials, { mode: 0o700 });
  writeFileSync(join(credentials, 'holdfast-pin'), pin, { mode: 0o400 });
  const node = new Node(member, config({ credential: 'holdfast-pin' }), { environment: { CREDENTIALS_DIRECTORY: credentials } });
  await until(healthy, node);
  expectNoTrace(node);
  expect(await node.end('SIGTERM')).toBe(0);
});

describe('refused, naming the key', () => {
  test('a credential that systemd did not give', async () => {
    const node = new Node(member, config({ credential: 'holdfast-pin' }));
    expect(await node.end()).toBe(1);
    expect(node.output).toMatch(/token.pin.credential: systemd gave no credentials/);
  });

  test('a file descriptor that is not open, or holds nothing', async () => {
    const closed = new Node(member, config({ fd: 42 }));
    expect(await closed.end()).toBe(1);
    expect(closed.output).toMatch(/token.pin.fd: file descriptor 42 cannot be read/);
    const empty = withFile('\n', (three) => new Node(member, config({ fd: 3 }), { three }));
    expect(await empty.end()).toBe(1);
    expect(empty.output).toMatch(/token.pin.fd: file descriptor 3 is empty/);
  });

  test('a wrong PIN, with an exit code that tells the service manager not to try again', async () => {
    const node = withFile('000000wrong\n', (three) => new Node(member, config({ fd: 3 }), { three }));
    expect(await node.end()).toBe(7);
    expect(node.output).toMatch(/error: pin-refused: the token refused its PIN/);
    expect(node.output).not.toContain('000000wrong');
  });
});

describe('from custodians', () => {
  const ceremony = 'first-fleet-2026';
  const cards = async (token = 'node-1') =>
    (await splitPin(new Secret(pin), { ceremony, token, pin: 'user' }, ['Ada', 'Grace', 'Hedy'], 2, systemRandom)).map((share) =>
      cardOf(share).reveal(),
    );
  const socket = () => join(member.folder, 'custodians');
  const source = { custodians: { socket: 'custodians', ceremony } };
  const waits = async () => (await askDesk(socket())).token === 'node-1';

  const holdfast = (card: string, ...args: readonly string[]) =>
    withFile(card, (three) => {
      const child = spawn(process.execPath, [MAIN, 'custodian', ...args, '--socket', socket()], {
        stdio: ['ignore', 'pipe', 'pipe', three],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (chunk) => {
          output += chunk;
        });
      return new Promise<{ status: number | null; output: string }>((resolve) =>
        child.once('close', (status) => resolve({ status, output })),
      );
    });
  const give = (card: string) => holdfast(card, 'give', '--card-fd', '3');

  test('the node waits, says how many have come, and starts with the second of three', async () => {
    const [ada, grace] = await cards();
    const node = new Node(member, config(source));
    await until(waits, node);
    expect(node.output).toMatch(/waiting for custodians: holdfast custodian give/);
    expect(await give(ada!)).toMatchObject({
      status: 0,
      output: expect.stringMatching(/node-1: 1 of 2 needed have come: Ada \(share 1\)/),
    });
    expect(await give(ada!)).toMatchObject({ status: 1, output: expect.stringMatching(/share 1 of 3 was given already/) });
    const [foreign] = await cards('node-2');
    expect(await give(foreign!)).toMatchObject({ status: 1, output: expect.stringMatching(/this card is of another token/) });
    expect(await holdfast('', 'status')).toMatchObject({ status: 0, output: expect.stringMatching(/1 of 2 needed have come: Ada/) });
    expect(await give(grace!)).toMatchObject({ status: 0 });
    await until(healthy, node);
    expectNoTrace(node);
    expect(node.output).toMatch(/"given":1,"needed":2,"msg":"a custodian has come"/);
    expect(node.output).toMatch(/a share was refused/);
    expect(existsSync(socket())).toBe(false);
    expect(await node.end('SIGTERM')).toBe(0);
  });

  test('while it waits it can be stopped, and leaves no socket', async () => {
    const node = new Node(member, config(source));
    await until(waits, node);
    expect(await node.end('SIGTERM')).toBe(0);
    expect(node.output).toMatch(/stopped before it had the PIN/);
    expect(existsSync(socket())).toBe(false);
  });
});
