/**
 * An operator and a witness as docs/operator.md and docs/witness.md say: their tokens are made by a ceremony, nobody has a PIN of them
 * alone, and every command and start waits until custodians have come, in processes of their own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Member, membersOf, requireLayout, tokenEnvironment } from '../../src/cli/fleet/layout.ts';
import { makeFleetIn } from '../../src/cli/fleet/make.ts';
import { start, stop } from '../../src/cli/fleet/processes.ts';
import { fleetStatus } from '../../src/cli/fleet/status.ts';
import { parseVkey } from '../../src/log/vkey.ts';
import { assembleRoot, makeRoot } from '../../src/trust/make-root.ts';
import { Day } from '../ceremony/day.ts';
import { holdfast, MAIN } from '../cli/holdfast.ts';
import { rootKey } from '../trust/world.ts';

const BUSY_MS = 600_000;
const CEREMONY = 'keys of both sides';
const folder = mkdtempSync(join(tmpdir(), 'holdfast-custodians-'));
const socket = join(folder, 'desk', 'socket');
type Json = Record<string, unknown>;

let day: Day;
let members: readonly Member[] = [];
let witness: ChildProcess | undefined;
/** As `release-signing` and `witness setup` gave them. */
const vkeys: Record<string, string> = {};

const read = <T = Json>(...path: string[]): T => JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as T;
const write = (value: unknown, ...path: string[]) => writeFileSync(join(folder, ...path), JSON.stringify(value));
const environment = (token: string) => ({
  PATH: process.env['PATH'],
  ...tokenEnvironment(join(folder, 'fleet/operator')),
  SOFTHSM2_CONF: join(folder, 'ceremony', token, 'softhsm2.conf'),
});

/** The token in place of the one with a PIN file. */
function inCustody({ token, ...config }: Json, label: string): Json {
  const { module } = token as { module: string };
  return { ...config, token: { module, label, pin: { custodians: { socket, ceremony: CEREMONY } } } };
}

/** A custodian at the desk, in a process of their own. */
function give(custodian: string): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const args = [MAIN, 'custodian', 'give', '--socket', socket, '--card-fd', '0'];
    const child = execFile(process.execPath, args, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
    child.stdin?.end(readFileSync(day.cards.get(custodian)!));
  });
}

/** Runs it; whenever it says that it waits for custodians, two of them come. @returns what it said, and for which tokens it waited */
async function attended(child: ChildProcess, until: RegExp): Promise<{ said: string; waited: string[] }> {
  const waited: string[] = [];
  let said = '';
  let given = Promise.resolve();
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, token] =
        /waiting for custodians.*token: ([a-z0-9-]+)/.exec(text) ?? /"token":"([a-z0-9-]+)".*waiting for custodians/.exec(text) ?? [];
      if (token === undefined) return;
      waited.push(token);
      given = given.then(async () => {
        expect(await give('Eve')).toMatchObject({ code: 0, out: expect.stringContaining(`${token}: 1 of 2 needed have come: Eve`) });
        expect(await give('Gil')).toMatchObject({ code: 0, out: `${token}: enough have come, the program has its PIN\n` });
      });
    });
  let ended = false;
  child.once('close', () => {
    ended = true;
  });
  while (!ended && !until.test(said)) await sleep(50);
  await given;
  expect(said).toMatch(until);
  return { said, waited };
}

const program = (token: string, ...args: readonly string[]) =>
  spawn(process.execPath, [MAIN, ...args], { env: environment(token), stdio: ['ignore', 'pipe', 'pipe'] });
const operator = (...args: readonly string[]) =>
  program('operator', 'fleet', ...args, '--config', join(folder, 'fleet/operator/operator.json'));

beforeAll(async () => {
  mkdirSync(join(folder, 'desk'), { mode: 0o700 });
  await makeFleetIn(join(folder, 'fleet'), 3, () => undefined, 'over-the-air');
  members = membersOf(requireLayout(join(folder, 'fleet')));
  day = await Day.prepare(folder, ['Ada', 'Bea']);
  const signer = (name: string) => ({ name, key: day.keys.get(name) });
  const { out } = await holdfast('ceremony', 'plan', 'release-signing', '--softhsm');
  const { release: _, ...template } = JSON.parse(out) as Json;
  const tokens = [
    { name: 'entries-1', keyName: 'vault.example/release', for: 'entries', token: { softhsm: 'operator' } },
    { name: 'operator-1', keyName: 'vault.example/operator', for: 'operator', token: { softhsm: 'operator' } },
    { name: 'witness-1', for: 'witness', token: { softhsm: 'witness' } },
  ];
  const custody = { threshold: 2, custodians: ['Eve', 'Fay', 'Gil'].map((name) => ({ name })) };
  write({ ...template, ceremony: CEREMONY, people: { operator: signer('Ada'), observers: [signer('Bea')] }, custody, tokens }, 'keys.json');
  const { code, err } = await day.run('release-signing', 'keys.json', 'ceremony');
  expect(code, err.slice(-2000)).toBe(0);
  expect(err).toMatch(/the token witness-1: to the witness .*is opened by the cards of "keys of both sides"/);
  const [entries = '', countersigning = ''] = day.read('ceremony', 'keys.vkey').trim().split('\n');
  Object.assign(vkeys, { entries, countersigning });
}, BUSY_MS);
afterAll(async () => {
  witness?.kill('SIGKILL');
  await Promise.all(members.map((member) => stop(member, true)));
  rmSync(folder, { recursive: true, force: true });
});

it(
  'a witness has its keys made in a token of custodians, and starts when they have come',
  async () => {
    const file = join(folder, 'fleet/witness/witness.json');
    write({ ...inCustody(read('fleet/witness/witness.json'), 'witness-1'), dataDir: 'in-custody' }, 'fleet/witness/witness.json');
    const { said, waited } = await attended(program('witness', 'witness', 'setup', '--config', file), /^tls key {2}\S+$/m);
    expect(waited).toEqual(['witness-1']);
    const [log = '', cosigning = ''] = ['log', 'witness'].map((name) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(said)?.[1]);
    expect(parseVkey(log).name).toBe('holdfast.localhost/log');

    const keys = [1, 2].map((i) => [rootKey(`operator ${i}`), rootKey(`witness ${i}`)] as const);
    const bytes = makeRoot({
      version: 1,
      expires: '2036-01-01T00:00:00Z',
      namespace: 'holdfast-development',
      operatorRootKeys: keys.map(([{ publicKey }]) => publicKey),
      witnessRootKeys: keys.map(([, { publicKey }]) => publicKey),
      threshold: 3,
      release: { threshold: 1, keys: [vkeys['entries']!] },
      log,
      witness: cosigning,
      operator: vkeys['countersigning']!,
      thirdParties: read<{ log: { witnesses: { vkey: string }[] } }>('fleet/witness/witness.json').log.witnesses.map(({ vkey }) => vkey),
    });
    const root = assembleRoot(
      bytes,
      keys.flat().map(({ publicKey, sign }) => ({ publicKey, signature: sign(bytes) })),
    );
    for (const name of ['root.json', 'roots/1.root.json']) writeFileSync(join(folder, 'fleet', name), root);
    write({ ...read<Json>('fleet/third-party/witness.json'), witnessed: [{ vkey: log }] }, 'fleet/third-party/witness.json');
    for (const member of members) if (member.name !== 'witness') start(member);

    witness = program('witness', 'witness', 'start', '--config', file);
    expect((await attended(witness, /witness witness.localhost\/holdfast: everyone/)).waited).toEqual(['witness-1']);
  },
  BUSY_MS,
);

it(
  'publish says of each token that it waits for its custodians; refresh wants those of the countersigning key alone; retire both again',
  async () => {
    const config = inCustody(read('fleet/operator/operator.json'), 'operator-1');
    const { token } = inCustody(config, 'entries-1');
    write({ ...config, release: [token] }, 'fleet/operator/operator.json');
    await allReady();
    const { waited, said } = await attended(operator('publish'), /Published entry 1 of 1/);
    expect(waited).toEqual(['operator-1', 'entries-1']);
    expect(said).toMatch(
      /a custodian has come \(token: entries-1, given: 1, needed: 2\)\nenough custodians have come \(token: entries-1\)/,
    );
    expect((await attended(operator('refresh'), /Handed out again: entry 1 of 1/)).waited).toEqual(['operator-1']);
    const [fleet] = read<{ fleets: { id: string }[] }>('fleet/fleet-entry.json').fleets;
    const retired = await attended(operator('retire', fleet!.id.slice(0, 8)), /Published entry 2 of 2/);
    expect(retired.waited).toEqual(['operator-1', 'entries-1']);
  },
  BUSY_MS,
);

async function allReady(): Promise<void> {
  const layout = requireLayout(join(folder, 'fleet'));
  for (;;) {
    const status = await fleetStatus(layout);
    // The witness is not one of the fleet's processes here.
    if (status.members.every(({ name, ready }) => ready || name === 'witness')) return;
    await sleep(250);
  }
}

it(
  'cards that are not of the token are refused by name, and nothing is tried on it',
  async () => {
    const child = operator('refresh');
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    while (!said.includes('waiting for custodians')) await sleep(50);
    const own = day.cards.get('Eve')!;
    const altered = join(folder, 'altered');
    writeFileSync(altered, readFileSync(own, 'utf8').replaceAll(CEREMONY, 'another ceremony'));
    day.cards.set('Mallory', altered);
    expect(await give('Mallory')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/this code is of another ceremony, token or PIN/),
    });
    expect((await give('Eve')).code).toBe(0);
    expect(await give('Eve')).toMatchObject({ code: 1, err: expect.stringMatching(/share 1 of 3 was given already/) });
    child.kill('SIGTERM');
    await once(child, 'close');
    expect(said).toMatch(/a share was refused \(token: operator-1, why: share 1 of 3 was given already/);
    expect(said).not.toContain('the log is in order');
    // Whoever comes then finds nobody, and keeps the card.
    expect(await give('Gil')).toMatchObject({ code: 1, err: expect.stringMatching(/error: not-found/) });
  },
  BUSY_MS,
);
