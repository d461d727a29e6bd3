/** Debian's etcd (etcd-server) as a cluster on this machine: TLS between members and to clients, every write synced, as by default. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Pool } from 'undici';
import { closing } from './closing.ts';
import { cpuSeconds } from './proc.ts';

const START_MS = 60_000;

export interface Etcd {
  readonly pools: readonly Pool[];
  cpuSeconds(): number;
  close(): Promise<void>;
}

export function hasEtcd(): boolean {
  try {
    execFileSync('etcd', ['--version'], { stdio: 'ignore' });
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** One TLS certificate, P-256 as the nodes have, good for both ends. */
function makeTls(folder: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const usage = ['subjectAltName=IP:127.0.0.1', 'extendedKeyUsage=serverAuth,clientAuth', 'basicConstraints=critical,CA:TRUE'];
  const extensions = usage.flatMap((one) => ['-addext', one]);
  const pair = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-days', '2', '-subj', '/CN=bench', ...pair, ...extensions], { stdio: 'pipe' });
  return { cert, key };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @throws when it does not answer within a minute, with what it said */
export async function startEtcd(folder: string, size: number, connections: number): Promise<Etcd> {
  mkdirSync(folder, { recursive: true });
  const { cert, key } = makeTls(folder);
  const ports = await Promise.all(Array.from({ length: 2 * size }, freePort));
  const url = (port: number | undefined) => `https://127.0.0.1:${port}`;
  const [clients, peers] = [ports.slice(0, size).map(url), ports.slice(size).map(url)];
  const cluster = peers.map((peer, i) => `m${i}=${peer}`).join();
  const members = clients.map((client, i) => {
    const options = {
      name: `m${i}`,
      'data-dir': join(folder, `m${i}`),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peers[i],
      'initial-advertise-peer-urls': peers[i],
      'initial-cluster': cluster,
      'cert-file': cert,
      'key-file': key,
      'peer-cert-file': cert,
      'peer-key-file': key,
      'peer-trusted-ca-file': cert,
      'peer-client-cert-auth': 'true',
      'log-level': 'warn',
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const log = join(folder, `m${i}.log`);
    writeFileSync(log, '');
    const child = spawn('sh', ['-c', `exec etcd "$@" 2>>'${log}' >&2`, 'sh', ...args], { stdio: 'ignore' });
    return child;
  });
  const stop = closing(() => {
    for (const child of members) child.kill('SIGKILL');
  });
  const pools = clients.map((client) => new Pool(client, { connect: { ca: readFileSync(cert) }, connections, allowH2: false }));
  for (let waitedMs = 0; ; waitedMs += 200) {
    try {
      await write(pools[0] as Pool, 'ready', 'yes');
      break;
    } catch (error) {
      if (waitedMs > START_MS)
        throw new Error(`etcd does not start: ${readFileSync(join(folder, 'm0.log'), 'utf8').slice(-1000)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  return {
    pools,
    cpuSeconds: () => members.reduce((sum, { pid }) => sum + cpuSeconds(pid ?? 0), 0),
    close: async () => {
      await stop();
      await Promise.all(pools.map((pool) => pool.destroy()));
    },
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** @throws unless a majority has it on its disks */
export async function write(pool: Pool, key: string, value: string): Promise<void> {
  const request = { method: 'POST', path: '/v3/kv/put', body: JSON.stringify({ key: base64(key), value: base64(value) }) } as const;
  const { statusCode, body } = await pool.request({ ...request, headers: { 'content-type': 'application/json' } });
  const answer = await body.text();
  if (statusCode !== 200) throw new Error(`etcd: ${statusCode} ${answer.slice(0, 100)}`);
}
