/**
 * What a development fleet needs for keys over the air: the operator's folder, a witness with its log, a third party, and the
 * root that people pin. In earnest these are three organisations with ceremonies of their own; here one program plays all of
 * them, each with its own token and process, so that every check of the real thing is done.
 *
 *   root.json  roots/1.root.json  witness-ca.pem
 *   operator/       operator.json  softhsm2.conf  tokens/  tls.pem  tls-key.pem  state/
 *   witness/        witness.json   softhsm2.conf  tokens/  tls.pem  tls-key.pem  data/  trace.log
 *   third-party/    witness.json   softhsm2.conf  tokens/  tls.pem  tls-key.pem  data/  trace.log
 *
 * Run again, it makes what an interruption left out; the operator's configuration is written last.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { fromBase64url } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { makeTlsCertificates } from '../../ceremony/certificates.ts';
import { type DevelopmentSite, FILES } from '../../ceremony/development-site.ts';
import { SOFTHSM_MODULE } from '../../ceremony/places.ts';
import type { DevelopmentParameters } from '../../ceremony/plans/development-parameters.ts';
import type { RemoteCreation } from '../../ceremony/remote-creation.ts';
import { COSIGNATURE_KEY, makeVkey, NOTE_KEY, parseVkey, type Vkey } from '../../log/vkey.ts';
import type { OperatorConfigFile } from '../../operator/config.ts';
import { OPERATOR_KEY, RELEASE_KEY } from '../../operator/keys.ts';
import type { KeySpec } from '../../token/index.ts';
import { assembleRoot, makeRoot } from '../../trust/make-root.ts';
import { spkiOf } from '../../web/peer-trust.ts';
import { hash } from '../../wire/signed.ts';
import type { ConfigFile } from '../../witness/config.ts';
import { makeKeyFile } from '../../witness/tls-key.ts';
import { MAIN, SIDES, tokenEnvironment } from './layout.ts';

const LOOPBACK = '127.0.0.1';
const TLS_KEY = 'tls-key.pem';
const ROOT_KEYS: readonly KeySpec[] = [1, 2].map((i) => ({ label: `holdfast-root-${i}`, kind: 'ed25519' }));
/** Of four keys, two on each side: neither replaces the other's alone. */
const ROOT_THRESHOLD = 3;
const NAMES = { log: 'holdfast.localhost/log', witness: 'witness.localhost/holdfast', thirdParty: 'third-party.localhost/holdfast' };

type OverTheAir = NonNullable<DevelopmentParameters['overTheAir']>;

export const sidesAreMade = (site: DevelopmentSite): boolean => site.read(SIDES.operator, SIDES.operatorConfig) !== undefined;

/** @throws what a token refuses, and with what a witness's set-up ended */
export async function makeSides(site: DevelopmentSite, chosen: DevelopmentParameters, ports: OverTheAir): Promise<void> {
  const [operator, witness] = await Promise.all([SIDES.operator, SIDES.witness, SIDES.thirdParty].map((name) => tokenIn(site, name)));
  if (operator === undefined || witness === undefined) return fail('alarm', 'a side has no token');
  const operatorTls = makeKeyFile(site.path(SIDES.operator, TLS_KEY));
  const write = (others: Partial<Vouching>) => {
    const { log, thirdParty } = others;
    const witnesses = thirdParty === undefined ? [] : [thirdPartyOf(thirdParty, ports)];
    const base = witnessConfig(NAMES.witness, SIDES.witness, ports.witnessPort);
    writeConfig(site, SIDES.witness, { ...base, log: { ...logConfig(ports, operatorTls), witnesses } });
    const witnessed = log === undefined ? [] : [{ vkey: log.text }];
    writeConfig(site, SIDES.thirdParty, { ...witnessConfig(NAMES.thirdParty, SIDES.thirdParty, ports.thirdPartyPort), witnessed });
  };
  // Each names the other's key in its configuration, and has it made by its own: so once without, and then as it stays.
  write({});
  const [kept, other] = await Promise.all([setUp(site, SIDES.witness), setUp(site, SIDES.thirdParty)]);
  const vouching = {
    log: kept.log ?? fail('alarm', 'the witness was set up without its log'),
    witness: kept.witness,
    thirdParty: other.witness,
  };
  write(vouching);
  await certify(site, chosen, [
    { name: SIDES.operator, tlsKey: operatorTls },
    { name: SIDES.witness, tlsKey: kept.tlsKey },
    { name: SIDES.thirdParty, tlsKey: other.tlsKey },
  ]);
  const root = await rootOf(chosen, operator, witness, vouching);
  site.write(['roots', '1.root.json'], root);
  site.write([FILES.root], root);
  site.write([SIDES.operator, SIDES.operatorConfig], spell(operatorConfig(ports)));
}

async function tokenIn(site: DevelopmentSite, name: string): Promise<RemoteCreation> {
  if (site.token(name) === undefined) await site.initialise(name);
  return site.token(name) ?? fail('alarm', 'a token that was initialised is not there', { name });
}

/** The public half; the key is made if it is not there. */
async function keyIn(token: RemoteCreation, spec: KeySpec): Promise<Uint8Array> {
  if ((await token.readKey(spec)) === undefined) await token.createKey(spec);
  return fromBase64url(String((await token.readKey(spec))?.['publicKey']));
}

function witnessConfig(name: string, folder: string, port: number): ConfigFile {
  return {
    name,
    dataDir: 'data',
    token: { module: SOFTHSM_MODULE, label: folder, pinFile: 'pin' },
    // Everyone is one address here.
    public: { host: LOOPBACK, port, tlsCertificateFile: 'tls.pem', tlsKeyFile: TLS_KEY, requestsPerMinute: 1_000_000 },
  };
}

function logConfig({ operatorPort }: OverTheAir, operatorTls: Uint8Array): NonNullable<ConfigFile['log']> {
  return {
    origin: NAMES.log,
    rootsDir: '../roots',
    operator: { host: LOOPBACK, port: operatorPort, clients: [hash(spkiOf(operatorTls))] },
  };
}

function thirdPartyOf({ text }: Vkey, { thirdPartyPort }: OverTheAir) {
  return { vkey: text, url: `https://${LOOPBACK}:${thirdPartyPort}`, authorityFile: `../${SIDES.authority}` };
}

const spell = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

function writeConfig(site: DevelopmentSite, name: string, value: ConfigFile): void {
  site.write([name, SIDES.config], spell(value));
}

const keysOf = z.looseObject({ witness: z.string(), log: z.string().optional(), tlsKey: z.string() });

interface SetUp {
  readonly witness: Vkey;
  readonly log?: Vkey;
  readonly tlsKey: Uint8Array;
}

/** In a process of its own: SoftHSM reads once per process where its tokens are. */
async function setUp(site: DevelopmentSite, name: string): Promise<SetUp> {
  const config = site.path(name, SIDES.config);
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'witness', 'setup', '--config', config, '--json'], {
    env: { PATH: process.env['PATH'], ...tokenEnvironment(site.path(name)) },
  });
  const { witness, log, tlsKey } = keysOf.parse(JSON.parse(stdout));
  return { witness: parseVkey(witness), ...(log !== undefined && { log: parseVkey(log) }), tlsKey: fromBase64url(tlsKey) };
}

/** The authority's file is written last: without it all is done anew. */
async function certify(
  site: DevelopmentSite,
  { validFrom, validUntil }: DevelopmentParameters,
  sides: Parameters<typeof makeTlsCertificates>[0],
): Promise<void> {
  if (site.read(SIDES.authority) !== undefined) return;
  const { authority, servers } = await makeTlsCertificates(sides, Date.parse(validFrom), Date.parse(validUntil));
  for (const [name, certificate] of servers) site.write([name, 'tls.pem'], certificate);
  site.write([SIDES.authority], authority);
}

interface Vouching {
  readonly log: Vkey;
  readonly witness: Vkey;
  readonly thirdParty: Vkey;
}

async function rootOf(
  { namespace, validUntil }: DevelopmentParameters,
  operator: RemoteCreation,
  witness: RemoteCreation,
  vouching: Vouching,
): Promise<string> {
  const keysIn = async (token: RemoteCreation) => {
    const keys: { readonly publicKey: Uint8Array; readonly sign: (bytes: Uint8Array) => Promise<Uint8Array> }[] = [];
    for (const spec of ROOT_KEYS) keys.push({ publicKey: await keyIn(token, spec), sign: (bytes) => token.sign(spec, bytes) });
    return keys;
  };
  const [ours, theirs] = [await keysIn(operator), await keysIn(witness)];
  const release = makeVkey(`${namespace}/release`, NOTE_KEY, await keyIn(operator, RELEASE_KEY));
  const cosigning = makeVkey(`${namespace}/operator`, COSIGNATURE_KEY, await keyIn(operator, OPERATOR_KEY));
  const bytes = makeRoot({
    version: 1,
    expires: validUntil,
    namespace,
    operatorRootKeys: ours.map(({ publicKey }) => publicKey),
    witnessRootKeys: theirs.map(({ publicKey }) => publicKey),
    threshold: ROOT_THRESHOLD,
    release: { threshold: 1, keys: [release.text] },
    log: vouching.log.text,
    witness: vouching.witness.text,
    operator: cosigning.text,
    thirdParties: [vouching.thirdParty.text],
  });
  const signatures: { publicKey: Uint8Array; signature: Uint8Array }[] = [];
  for (const { publicKey, sign } of [...ours, ...theirs].slice(0, ROOT_THRESHOLD))
    signatures.push({ publicKey, signature: await sign(bytes) });
  return assembleRoot(bytes, signatures);
}

function operatorConfig({ witnessPort, operatorPort }: OverTheAir): OperatorConfigFile {
  const place = { module: SOFTHSM_MODULE, label: SIDES.operator, pinFile: 'pin' };
  return {
    stateDir: 'state',
    rootsDir: '../roots',
    token: place,
    release: [place],
    tls: { certificateFile: 'tls.pem', keyFile: TLS_KEY },
    witness: {
      url: `https://${LOOPBACK}:${witnessPort}`,
      operatorUrl: `https://${LOOPBACK}:${operatorPort}`,
      authorityFile: `../${SIDES.authority}`,
    },
    nodesAuthorityFile: `../${FILES.authority}`,
    fleets: [{ transcript: `../${FILES.transcript}` }],
  };
}
