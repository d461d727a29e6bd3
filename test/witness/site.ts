/** A witness's folder with a SoftHSM token of its own, as an operator makes it: every program is a process of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBase64url } from '../../src/base/bytes.ts';
import { makeTlsCertificates } from '../../src/ceremony/certificates.ts';
import type { ConfigFile } from '../../src/witness/config.ts';
import { PIN, SOFTHSM } from '../token/softhsm.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const INIT_TOKEN = join(import.meta.dirname, '../../softhsm/init-token.sh');

const HOUR_MS = 3_600_000;

export interface Site {
  readonly folder: string;
  readonly path: (...parts: readonly string[]) => string;
  readonly write: (name: string, text: string) => void;
  readonly remove: () => void;
}

export function makeSite(): Site {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-witness-'));
  const path = (...parts: readonly string[]) => join(folder, ...parts);
  return {
    folder,
    path,
    write: (name, text) => {
      mkdirSync(join(path(name), '..'), { recursive: true });
      writeFileSync(path(name), text, { mode: 0o600 });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export type Settings = Pick<ConfigFile, 'name'> & Partial<ConfigFile>;

/** Its folder, token and configuration; `holdfast witness setup` has not been run. */
export function addWitness({ path, write }: Site, member: string, settings: Settings): string {
  write(`${member}/pin`, `${PIN}\n`);
  write(`${member}/so-pin`, '12345678\n');
  execFileSync(INIT_TOKEN, [path(member), member, path(member, 'so-pin'), path(member, 'pin')], { stdio: 'pipe' });
  const config: ConfigFile = {
    dataDir: 'data',
    token: { module: SOFTHSM, label: member, pinFile: 'pin' },
    public: { host: '127.0.0.1', port: 0, tlsCertificateFile: 'tls.pem', tlsKeyFile: 'tls-key.pem', requestsPerMinute: 100_000 },
    ...settings,
  };
  write(`${member}/witness.json`, JSON.stringify(config));
  return path(member, 'witness.json');
}

export const environmentOf = ({ path }: Site, member: string) => ({
  PATH: process.env['PATH'],
  SOFTHSM2_CONF: path(member, 'softhsm2.conf'),
});

export interface SetUp {
  readonly witness: string;
  readonly log?: string;
  readonly tlsKey: string;
}

/** @throws what it wrote, unless it ended with 0 */
export function setUp(site: Site, member: string): SetUp {
  const args = [MAIN, 'witness', 'setup', '--config', site.path(member, 'witness.json'), '--json'];
  return JSON.parse(execFileSync(process.execPath, args, { env: environmentOf(site, member), stdio: 'pipe', encoding: 'utf8' }));
}

/** TLS certificates for the keys that setup told, by member; and the authority that clients trust. */
export async function certify(site: Site, keys: Readonly<Record<string, SetUp>>): Promise<string> {
  const servers = Object.entries(keys).map(([name, { tlsKey }]) => ({ name, tlsKey: fromBase64url(tlsKey) }));
  const { authority, servers: made } = await makeTlsCertificates(servers, Date.now() - HOUR_MS, Date.now() + 24 * HOUR_MS);
  for (const [name, pem] of made) site.write(`${name}/tls.pem`, pem);
  site.write('ca.pem', authority);
  return authority;
}

export interface Running {
  readonly url: string;
  /** Of the operator's listener, of a witness that keeps a log. */
  readonly operatorUrl: string | undefined;
  readonly words: () => string;
  /** Asks it to stop. @returns its exit code */
  readonly stop: () => Promise<number | null>;
  readonly kill: () => Promise<void>;
}

/** `holdfast witness start`, once it says where it listens. @throws what it wrote when it ends before */
export async function start(site: Site, member: string): Promise<Running> {
  const child = spawn(process.execPath, [MAIN, 'witness', 'start', '--config', site.path(member, 'witness.json')], {
    env: environmentOf(site, member),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const listening = /^witness \S+: everyone (\S+)(?:, operator (\S+))?$/m;
  for (;;) {
    const over = await Promise.race([ended, new Promise<'runs'>((resolve) => setTimeout(resolve, 20, 'runs'))]);
    if (over !== 'runs') throw new Error(`ended with ${over}: ${words}`);
    if (listening.test(words)) break;
  }
  const [, all = '', operator] = listening.exec(words) ?? [];
  return {
    url: `https://${all}`,
    operatorUrl: operator && `https://${operator}`,
    words: () => words,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
