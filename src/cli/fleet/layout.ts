/** What is where in a development fleet's folder, and which programs it consists of. Read from the folder, kept nowhere else. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors.ts';
import { FILES } from '../../ceremony/development-site.ts';
import { SOFTHSM_MODULE } from '../../ceremony/places.ts';
import { type DevelopmentNode, type DevelopmentParameters, readParameters } from '../../ceremony/plans/development-parameters.ts';
import { END, parseTranscript } from '../../ceremony/transcript.ts';

export const PROJECT = join(import.meta.dirname, '../../..');
export const MAIN = join(PROJECT, 'src/cli/main.ts');
export const DEFAULT_FOLDER = join(PROJECT, '.holdfast');

/** One program of the fleet: a node, or the account service. */
export interface Member {
  /** `node-1`, or `accounts`: the name of its folder. */
  readonly name: string;
  readonly folder: string;
  readonly config: string;
  /** Arguments of the command line that start it. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly url: string;
  /** Where it answers 200 when it is ready. */
  readonly ready: string;
  /** Of a node: its numbers, in Prometheus' text format. */
  readonly metrics?: string;
}

export interface FleetLayout {
  readonly folder: string;
  readonly nodes: readonly Member[];
  readonly accounts: Member;
  /** PEM: what the nodes' and the account service's TLS certificates are checked with. */
  readonly authority: string;
}

export const transcriptFile = (folder: string): string => join(folder, FILES.transcript);

/** @throws `not-found` when the folder holds no finished fleet, `malformed` when its transcript is not one */
export function requireLayout(folder: string): FleetLayout {
  const file = transcriptFile(folder);
  const lines = existsSync(file) ? parseTranscript(readFileSync(file, 'utf8')).lines : [];
  if (lines.at(-1)?.step !== END) fail('not-found', `there is no fleet in ${folder}: make one with "holdfast fleet up"`);
  return layoutOf(folder, readParameters(lines[0]?.facts['parameters']));
}

/** @throws `not-found` */
export function memberOf({ nodes, accounts }: FleetLayout, name: string): Member {
  const members = [...nodes, accounts];
  const found = members.find((member) => member.name === name);
  return found ?? fail('not-found', `${name} is not of this fleet`, { known: members.map((member) => member.name).join(' ') });
}

function layoutOf(folder: string, { nodes, accountsPort }: DevelopmentParameters): FleetLayout {
  return {
    folder,
    nodes: nodes.map((node) => nodeMember(folder, node)),
    accounts: {
      name: 'accounts',
      folder: join(folder, 'accounts'),
      config: join(folder, ...FILES.accounts),
      command: ['accounts', 'start', '--config', join(folder, ...FILES.accounts)],
      environment: {},
      url: `http://127.0.0.1:${accountsPort}`,
      ready: `http://127.0.0.1:${accountsPort}/health`,
    },
    authority: readFileSync(join(folder, FILES.authority), 'utf8'),
  };
}

function nodeMember(fleetFolder: string, { name, url, metricsPort }: DevelopmentNode): Member {
  const folder = join(fleetFolder, name);
  const config = join(folder, FILES.node);
  return {
    name,
    folder,
    config,
    command: ['node', 'start', '--config', config],
    // Read by SoftHSM and by OpenSSL's engine once per process: no configuration file of ours can say it instead.
    environment: {
      SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
      PKCS11_MODULE_PATH: SOFTHSM_MODULE,
      OPENSSL_ENGINES: enginesFolder(),
    },
    url,
    ready: `${url}/ready`,
    metrics: `http://127.0.0.1:${metricsPort}/metrics`,
  };
}

function enginesFolder(): string {
  const candidates = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'engines-3'));
  const found = candidates.find((folder) => existsSync(join(folder, 'pkcs11.so')));
  return (
    found ?? fail('configuration', 'the OpenSSL engine pkcs11.so is missing: install libengine-pkcs11-openssl (scripts/setup.sh does)')
  );
}
