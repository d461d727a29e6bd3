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

/** One program of the fleet: a node, the account service, and in a fleet whose keys come over the air the witness and a third party. */
export interface Member {
  /** `node-1`, `accounts`, `witness`, `third-party`: the name of its folder. */
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
  /** Who vouches for the fleet's keys over the air; nobody in a pinned fleet. */
  readonly vouchers: readonly Member[];
  /** PEM: what the TLS certificates of all members are checked with. */
  readonly authority: string;
}

/** What stands beside the fleet when its keys come over the air: the operator's folder, and those of who vouches. */
export const SIDES = {
  operator: 'operator',
  witness: 'witness',
  thirdParty: 'third-party',
  /** Of the witness and of the third party. */
  config: 'witness.json',
  operatorConfig: 'operator.json',
  /** PEM: of their TLS certificates. */
  authority: 'witness-ca.pem',
} as const;

export const transcriptFile = (folder: string): string => join(folder, FILES.transcript);

/** @throws `not-found` when the folder holds no finished fleet, `malformed` when its transcript is not one */
export function requireLayout(folder: string): FleetLayout {
  const file = transcriptFile(folder);
  const lines = existsSync(file) ? parseTranscript(readFileSync(file, 'utf8')).lines : [];
  if (lines.at(-1)?.step !== END) fail('not-found', `there is no fleet in ${folder}: make one with "holdfast fleet up"`);
  return layoutOf(folder, readParameters(lines[0]?.facts['parameters']));
}

export const membersOf = ({ nodes, accounts, vouchers }: FleetLayout): readonly Member[] => [...nodes, accounts, ...vouchers];

/** @throws `not-found` */
export function memberOf(layout: FleetLayout, name: string): Member {
  const members = membersOf(layout);
  const found = members.find((member) => member.name === name);
  return found ?? fail('not-found', `${name} is not of this fleet`, { known: members.map((member) => member.name).join(' ') });
}

function layoutOf(folder: string, { nodes, accountsPort, overTheAir }: DevelopmentParameters): FleetLayout {
  const authorities = [FILES.authority, ...(overTheAir === undefined ? [] : [SIDES.authority])];
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
    vouchers:
      overTheAir === undefined
        ? []
        : [
            witnessMember(folder, SIDES.witness, overTheAir.witnessPort),
            witnessMember(folder, SIDES.thirdParty, overTheAir.thirdPartyPort),
          ],
    authority: authorities.map((name) => readFileSync(join(folder, name), 'utf8')).join(''),
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
    environment: tokenEnvironment(folder),
    url,
    ready: `${url}/ready`,
    metrics: `http://127.0.0.1:${metricsPort}/metrics`,
  };
}

/** The third party is the same program without a log of its own. */
function witnessMember(fleetFolder: string, name: string, port: number): Member {
  const folder = join(fleetFolder, name);
  const config = join(folder, SIDES.config);
  const url = `https://127.0.0.1:${port}`;
  return {
    name,
    folder,
    config,
    command: ['witness', 'start', '--config', config],
    environment: tokenEnvironment(folder),
    url,
    ready: `${url}/health`,
  };
}

/** Read by SoftHSM and by OpenSSL's engine once per process: no configuration file of ours can say it instead. */
export function tokenEnvironment(folder: string): Readonly<Record<string, string>> {
  return {
    SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
    PKCS11_MODULE_PATH: SOFTHSM_MODULE,
    OPENSSL_ENGINES: enginesFolder(),
  };
}

function enginesFolder(): string {
  const candidates = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'engines-3'));
  const found = candidates.find((folder) => existsSync(join(folder, 'pkcs11.so')));
  return (
    found ?? fail('configuration', 'the OpenSSL engine pkcs11.so is missing: install libengine-pkcs11-openssl (scripts/setup.sh does)')
  );
}
