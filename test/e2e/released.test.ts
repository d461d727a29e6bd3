/**
 * A whole release as it reaches people: built, signed in a token by custodians who come, installed, and started by the launcher as
 * the user of the node, with a PIN that custodians bring. Then one byte of it is changed. The fleet is one of a first ceremony.
 * Everything is done by the commands of docs/ceremony.md and docs/operations.md. With --long, as root.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenEnvironment } from '../../src/cli/fleet/layout.ts';
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
import { Day } from '../ceremony/day.ts';
import { MAIN } from '../cli/holdfast.ts';
import { SOFTHSM } from '../token/softhsm.ts';
import { QUICK } from './fleet.ts';

const LIMIT_MS = 1_500_000;
const NOBODY = 65_534;
const NODES = ['node-1', 'node-2', 'node-3'];
const KEY_NAME = 'example.org/holdfast-code';
const project = join(import.meta.dirname, '../..');
const run = promisify(execFile);
/** Where the user of the nodes may look, all of it belongs to root: the launcher wants that. */
const isRoot = process.getuid?.() === 0;
// A launcher starts nothing in a folder where others make files.
const folder = mkdtempSync(join(isRoot ? '/opt' : tmpdir(), 'holdfast-released-'));
const at = (...parts: readonly string[]) => join(folder, ...parts);
const text = (...parts: readonly string[]) => readFileSync(at(...parts), 'utf8');
const running: ChildProcess[] = [];

const room = (day: Day, ceremony: string) => ({
  ceremony,
  people: { operator: { name: 'Ada', key: day.keys.get('Ada') }, observers: [{ name: 'Bea', key: day.keys.get('Bea') }] },
  custody: { threshold: 2, custodians: ['Eve', 'Fay'].map((name) => ({ name })) },
});

async function held(day: Day, plan: string, parameters: object): Promise<void> {
  writeFileSync(join(day.folder, `${plan}.json`), JSON.stringify(parameters));
  const { code, err } = await day.run(plan, `${plan}.json`, plan);
  expect(code, err.slice(-2000)).toBe(0);
}

/** Everyone of these with their cards, as soon as somebody waits. */
async function come(socket: string, cards: Iterable<string>): Promise<void> {
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (tries > 600) throw new Error(`nobody waits at ${socket}`);
    await sleep(200);
  }
  for (const file of cards)
    execFileSync('bash', ['-c', `"$0" "$1" custodian give --socket "$2" --card-fd 3 3<"$3"`, process.execPath, MAIN, socket, file], {
      stdio: 'pipe',
    });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return servers.map((server) => {
    const { port } = server.address() as { port: number };
    server.close();
    return port;
  });
}

let measurement = '';
let release = '';

describe.runIf(process.env['HOLDFAST_LONG'] === '1' && isRoot)('a release', () => {
  let fleet: Day;
  let ports: number[];

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    cpSync(process.execPath, at('node'));
    chmodSync(at('node'), 0o755);
  });
  afterAll(async () => {
    for (const one of running) one.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test(
    'is built by npm, signed by the key of a ceremony when enough custodians came, and is as it was signed',
    async () => {
      const built = await run('npm', ['run', '--silent', 'release', '--', '--out', at('dist')], {
        cwd: project,
        env: { ...process.env, PATH: `${join(project, 'node_modules/.bin')}:${process.env['PATH']}` },
      });
      const told = JSON.parse(built.stdout) as { file: string; measurement: string };
      ({ measurement } = told);
      mkdirSync(at('signing'));
      const day = await Day.prepare(at('signing'), ['Ada', 'Bea']);
      const token = { name: 'code-1', keyName: KEY_NAME, for: 'code', token: { softhsm: 'code-1' } };
      await held(day, 'release-signing', { ...room(day, 'signing keys'), keys: 'make', tokens: [token] });
      const socket = at('signing', 'desk');
      const place = ['--module', SOFTHSM, '--label', 'code-1', '--custodians', socket, '--ceremony', 'signing keys'];
      const signing = run(process.execPath, [MAIN, 'release', 'sign', told.file, '--name', KEY_NAME, ...place], {
        env: { ...process.env, SOFTHSM2_CONF: join(day.folder, 'release-signing/code-1/softhsm2.conf') },
      });
      await come(socket, day.cards.values());
      const { stdout: vkey } = await signing;
      expect(vkey).toBe(day.read('release-signing', 'keys.vkey'));
      writeFileSync(at('release-keys'), vkey);

      release = at('opt', '1');
      mkdirSync(release, { recursive: true });
      execFileSync('tar', ['-xf', told.file, '-C', release]);
      copyFileSync(`${told.file}.note`, join(release, 'manifest.note'));
      execFileSync(join(project, 'scripts/install-launcher'), [at('launcher')]);
      const verified = await run(process.execPath, [MAIN, 'release', 'verify', release, '--key', at('release-keys')]);
      expect(verified.stdout).toContain(measurement);
    },
    LIMIT_MS,
  );

  /** The launcher, as a service manager starts it for the user of the node. */
  const command = (name: string) => [
    at('launcher/release/launch.ts'),
    ...['--release', release, '--key', at('release-keys'), '--', 'node', 'start', '--config', at('nodes', name, 'node.json')],
  ];
  const how = (name: string) => ({ uid: NOBODY, gid: NOBODY, env: { PATH: '/usr/bin:/bin', ...tokenEnvironment(at('nodes', name)) } });

  test(
    'serves a fleet of a first ceremony, whose entry permits it: every node by the launcher, every PIN by custodians',
    async () => {
      ports = await freePorts(7);
      mkdirSync(at('fleet'));
      fleet = await Day.prepare(at('fleet'), ['Ada', 'Bea']);
      await held(fleet, 'first-fleet', {
        ...room(fleet, 'the fleet'),
        namespace: 'vault.example',
        quorum: 2,
        validFrom: '2020-01-01T00:00:00Z',
        validUntil: '2099-01-01T00:00:00Z',
        measurements: [{ digest: measurement, rebuild: 'npm run release' }],
        pages: 1,
        nodes: NODES.map((name, i) => ({
          ...{ name, region: `r${i}`, operator: 'o', url: `https://localhost:${ports[i]}` },
          token: { softhsm: name },
        })),
      });
      certify();
      for (const name of NODES) install(name);
      writeFileSync(at('accounts.json'), JSON.stringify({ port: ports[6], issuer: issuer(), audience: 'holdfast', dataDir: 'accounts' }));
      running.push(spawn(process.execPath, [MAIN, 'accounts', 'start', '--config', at('accounts.json')], { stdio: 'ignore' }));
      for (const name of NODES) {
        const trace = openSync(at(`${name}.log`), 'w');
        running.push(spawn(at('node'), command(name), { ...how(name), stdio: ['ignore', trace, trace] }));
        await come(at('nodes', name, 'custodians'), fleet.cards.values());
      }
      const web = fetchWith(text('ca.pem'));
      try {
        for (const [i, name] of NODES.entries()) {
          const ready = await eventually(`https://localhost:${ports[i]}/ready`, web.fetch, name);
          expect(ready, name).toMatchObject({ measurement });
          expect(text(`${name}.log`)).toMatch(/^release [\d.]+ linux-\w+, signed by example.org\/holdfast-code, /);
          expect(text(`${name}.log`)).not.toContain('DEVELOPMENT');
        }
        const secret = new Uint8Array(32).fill(7);
        await (await device(web.fetch)).deposit(PASSCODE, new Secret(secret), await choosePasscode('271828', ['ada']), QUICK);
        const found = await (await device(web.fetch)).recover(PASSCODE, normalisePasscode('271828'));
        expect(found).toMatchObject({ kind: 'opened' });
      } finally {
        await web.close();
      }
    },
    LIMIT_MS,
  );

  test(
    'of which one byte was changed does not start: the file is named, nobody is asked for a PIN, no token is opened',
    () => {
      const token = at('nodes', 'node-1', 'tokens');
      const objects = () =>
        readdirSync(token, { recursive: true, encoding: 'utf8' }).map((name) => `${name} ${statSync(join(token, name)).mtimeMs}`);
      running[1]?.kill('SIGKILL');
      const before = objects();
      rmSync(at('nodes', 'node-1', 'custodians'), { force: true });
      const file = 'node_modules/zod/package.json';
      const bytes = readFileSync(join(release, file));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(join(release, file), bytes);
      const { status, stderr } = spawnSync(at('node'), command('node-1'), { ...how('node-1'), encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^error: release-refused: node_modules\/zod\/package.json: its bytes differ/),
      });
      expect(existsSync(at('nodes', 'node-1', 'custodians'))).toBe(false);
      expect(objects()).toEqual(before);
    },
    LIMIT_MS,
  );

  const issuer = () => `http://127.0.0.1:${ports[6]}`;

  /** An authority of these tests, which certifies what the ceremony asked for. */
  function certify(): void {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key'];
    openssl('req', '-x509', ...key, '-subj', '/CN=authority', '-days', '2', '-out', 'ca.pem');
    for (const name of NODES) {
      const request = join(fleet.folder, `first-fleet/${name}/tls.csr`);
      openssl(
        'x509',
        '-req',
        '-in',
        request,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-copy_extensions',
        'copyall',
        '-days',
        '2',
        '-out',
        `${name}.pem`,
      );
    }
  }

  /** The node's folder belongs to the user of the node: token, store, socket. */
  function install(name: string): void {
    const here = at('nodes', name);
    mkdirSync(here, { recursive: true });
    const i = NODES.indexOf(name);
    cpSync(join(fleet.folder, 'first-fleet', name, 'tokens'), join(here, 'tokens'), { recursive: true });
    const conf = fleet.read('first-fleet', name, 'softhsm2.conf');
    writeFileSync(join(here, 'softhsm2.conf'), conf.replace(join(fleet.folder, 'first-fleet', name), here));
    copyFileSync(at(`${name}.pem`), join(here, 'tls.pem'));
    copyFileSync(join(fleet.folder, 'first-fleet/fleet-entry.json'), join(here, 'entry.json'));
    const others = NODES.filter((other) => other !== name).map((other) => [other, `127.0.0.1:${ports[3 + NODES.indexOf(other)]}`]);
    const config = {
      self: name,
      entryFile: 'entry.json',
      dataDir: 'data',
      token: { module: SOFTHSM, label: name, pin: { custodians: { socket: 'custodians', ceremony: 'the fleet' } } },
      public: { host: '127.0.0.1', port: ports[i], tlsCertificateFile: 'tls.pem' },
      peer: { host: '127.0.0.1', port: ports[3 + i] },
      peers: Object.fromEntries(others),
      passes: { issuer: issuer(), audience: 'holdfast', tenant: 'tenant', jwksUrl: `${issuer()}/.well-known/jwks.json` },
    };
    writeFileSync(join(here, 'node.json'), JSON.stringify(config));
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, here]);
    chmodSync(here, 0o700);
  }

  async function device(fetch: ReturnType<typeof fetchWith>['fetch']): Promise<VaultClient> {
    const clientKey = await generateClientKey();
    const answer = await fetch(`${issuer()}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'ada', clientKey: clientKeyJwk(clientKey.publicKey) }),
    });
    const { pass } = (await answer.json()) as { pass: string };
    return new VaultClient({
      entry: parseEntry(fleet.read('first-fleet', 'fleet-entry.json')),
      allowSimulated: true,
      ...{ clientKey, pass: new Secret(pass), tenant: 'tenant' },
      memos: memoryMemos(),
      fetch,
      first: 0,
      argon2id: nativeArgon2id,
    });
  }

  async function eventually(url: string, fetch: ReturnType<typeof fetchWith>['fetch'], name: string): Promise<unknown> {
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(url, {}).catch(() => undefined);
      if (answer?.status === 200) return answer.json();
      if (tries > 400) throw new Error(`${name} is not ready: ${text(`${name}.log`).slice(-1500)}`);
      await sleep(250);
    }
  }
});
