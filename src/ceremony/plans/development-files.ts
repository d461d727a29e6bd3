/** The steps of a development fleet that write files: what its programs are configured with, and what its clients are given. */

import { utf8 } from '../../base/bytes.ts';
import { parseEntry } from '../../fleet/entry.ts';
import { hash } from '../../wire/signed.ts';
import { makeTlsCertificates } from '../certificates.ts';
import { type DevelopmentSite, FILES } from '../development-site.ts';
import { SOFTHSM_MODULE } from '../places.ts';
import type { Step } from '../plan.ts';
import { deriveEntry } from './derive-entry.ts';
import type { DevelopmentNode, DevelopmentParameters } from './development-parameters.ts';
import { keyStep, misuseStepId, pagesStep, publicKeyOf } from './node-token.ts';

const AUDIENCE = 'holdfast';
const LOOPBACK = '127.0.0.1';
const accountsUrl = (port: number): string => `http://${LOOPBACK}:${port}`;

export function entryStep(chosen: DevelopmentParameters): Step<DevelopmentSite> {
  return {
    id: 'fleet/entry',
    role: 'operator',
    title: `write the fleet entry (${FILES.entry})`,
    before: chosen.nodes.flatMap(({ name }) => [pagesStep(name), misuseStepId(name)]),
    makes: [FILES.entry],
    do: async (site, known) => site.write([FILES.entry], `${deriveEntry(chosen, known).line}\n`),
    readBack: async (site) => {
      const text = site.read(FILES.entry);
      if (text === undefined) return undefined;
      const { digest, fleets } = parseEntry(text);
      return { digest, fleets: fleets.map(({ fleet }) => fleet.id) };
    },
    after: [
      {
        must: 'it is the entry that follows from the keys that were read back, every one of them different',
        holds: ({ digest }, known) => digest === deriveEntry(chosen, known).digest,
      },
      {
        must: 'it says that every token is simulated',
        holds: (_, known) => deriveEntry(chosen, known).fleets.every(({ nodes }) => nodes.every(({ token }) => token.simulated)),
      },
    ],
  };
}

/** The authority's file is written last: without it the step was not done, and is done anew as a whole. */
export function tlsStep(chosen: DevelopmentParameters): Step<DevelopmentSite> {
  const names = chosen.nodes.map(({ name }) => name);
  return {
    id: 'fleet/tls',
    role: 'operator',
    title: `certify the nodes' TLS keys by an authority whose private key is forgotten at once (${FILES.authority})`,
    before: names.map((node) => keyStep(node, 'tls')),
    makes: [FILES.authority],
    do: async (site, known) => {
      const servers = names.map((name) => ({ name, tlsKey: publicKeyOf(known, name, 'tls') }));
      const { authority, servers: made } = await makeTlsCertificates(servers, Date.parse(chosen.validFrom), Date.parse(chosen.validUntil));
      for (const [name, certificate] of made) site.write([name, 'tls.pem'], certificate);
      site.write([FILES.authority], authority);
    },
    readBack: async (site) => {
      const authority = site.digest(FILES.authority);
      return authority === undefined ? undefined : { authority, nodes: names.map((name) => site.digest(name, 'tls.pem') ?? 'missing') };
    },
    after: [{ must: 'every node has a TLS certificate', holds: ({ nodes }) => Array.isArray(nodes) && !nodes.includes('missing') }],
  };
}

/** One file of JSON that follows from the parameters and the folder. */
function fileStep(
  id: string,
  title: string,
  before: readonly string[],
  path: readonly string[],
  content: (site: DevelopmentSite) => unknown,
): Step<DevelopmentSite> {
  const text = (site: DevelopmentSite): string => `${JSON.stringify(content(site), undefined, 2)}\n`;
  return {
    id,
    role: 'operator',
    title: `${title} (${path.join('/')})`,
    before,
    makes: [path.join('/')],
    do: async (site) => site.write(path, text(site)),
    readBack: async (site) => {
      const there = site.read(...path);
      return there === undefined ? undefined : { digest: hash(utf8(there)), intended: hash(utf8(text(site))) };
    },
    after: [{ must: 'what is there is what was meant', holds: ({ digest, intended }) => digest === intended }],
  };
}

/** What people are given, to set their devices up with: `holdfast setup --profile`. */
export function profileStep({ tenant, accountsPort, nodes, overTheAir }: DevelopmentParameters): Step<DevelopmentSite> {
  return fileStep(
    'fleet/profile',
    'write what people set their devices up with',
    ['fleet/entry', 'fleet/tls'],
    [FILES.profile],
    (site) => ({
      ...(overTheAir ? { rootFile: site.path(FILES.root), urls: nodes.map(({ url }) => url) } : { entryFile: site.path(FILES.entry) }),
      caFile: site.path(FILES.authority),
      accounts: accountsUrl(accountsPort),
      tenant,
      allowSimulated: true,
    }),
  );
}

/** Of one node; src/node/config.ts says what each key means. Files are relative to the node's folder. */
export function nodeStep({ nodes, tenant, accountsPort, overTheAir }: DevelopmentParameters, node: DevelopmentNode): Step<DevelopmentSite> {
  const others = nodes.filter(({ name }) => name !== node.name);
  return fileStep(
    `${node.name}/configuration`,
    `write the configuration of ${node.name}`,
    ['fleet/entry', 'fleet/tls'],
    [node.name, FILES.node],
    () => ({
      self: node.name,
      entryFile: `../${FILES.entry}`,
      dataDir: 'data',
      token: { module: SOFTHSM_MODULE, label: node.name, pinFile: 'pin' },
      // Everyone is one address here, so the limit per address is one for all.
      public: { host: LOOPBACK, port: node.publicPort, tlsCertificateFile: 'tls.pem', requestsPerMinute: 1_000_000 },
      peer: { host: LOOPBACK, port: node.peerPort },
      peers: Object.fromEntries(others.map(({ name, peerPort }) => [name, `${LOOPBACK}:${peerPort}`])),
      passes: {
        issuer: accountsUrl(accountsPort),
        audience: AUDIENCE,
        tenant,
        jwksUrl: `${accountsUrl(accountsPort)}/.well-known/jwks.json`,
      },
      guessDelaysMs: [],
      // Who publishes waits for all nodes.
      ...(overTheAir && { transparency: { rootFile: `../${FILES.root}`, intervalMs: 500 } }),
      metrics: { host: LOOPBACK, port: node.metricsPort },
      // All start at the same moment, and are to be ready soon after.
      // Nobody waits for a slow phone here; and who watches wants to see a lock come about.
      timing: { rejoinIntervalMs: 500, lockDelayMs: 3000 },
    }),
  );
}

/** Its signing key is made at its first start; nodes fetch the public half. */
export function accountsStep({ accountsPort }: DevelopmentParameters): Step<DevelopmentSite> {
  return fileStep('accounts/configuration', 'write the configuration of the account service', [], [...FILES.accounts], () => ({
    port: accountsPort,
    issuer: accountsUrl(accountsPort),
    audience: AUDIENCE,
    dataDir: 'data',
  }));
}
