/**
 * A fleet for development and tests: SoftHSM in place of devices, all nodes on one machine and of one operator. The ceremony
 * of a real fleet has the same token steps (node-token.ts) and the same derivation of the entry (derive-entry.ts).
 */
import { z } from 'zod';
import { fail } from '../../base/errors.ts';
import { parseEntry } from '../../fleet/entry.ts';
import { makeTlsCertificates } from '../certificates.ts';
import type { DevelopmentSite } from '../development-site.ts';
import type { Facts, Plan, Step } from '../plan.ts';
import { deriveEntry } from './derive-entry.ts';
import { keyStep, nodeTokenSteps, pagesStep, publicKeyOf } from './node-token.ts';

export const DEVELOPMENT_FLEET = 'development-fleet';

const port = z.int().min(1).max(65_535);
const second = z.iso.datetime({ precision: 0 });

const parameters = z.strictObject({
  namespace: z.string().min(1).max(255),
  quorum: z.int().min(2).max(7),
  validFrom: second,
  validUntil: second,
  pages: z.int().min(1),
  nodes: z
    .array(
      z.strictObject({ name: z.string(), region: z.string(), operator: z.string(), url: z.string(), publicPort: port, peerPort: port }),
    )
    .refine(({ length }) => [3, 5, 7].includes(length), 'a fleet has 3, 5 or 7 nodes'),
  accountsPort: port,
});

export type DevelopmentParameters = z.output<typeof parameters>;

/** @throws `malformed` */
export function readParameters(value: unknown): DevelopmentParameters {
  const read = parameters.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return fail('malformed', `the parameters of the ceremony: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** @throws `malformed` */
export function developmentFleet(value: unknown): Plan<DevelopmentSite> {
  const chosen = readParameters(value);
  const names = chosen.nodes.map(({ name }) => name);
  return {
    name: DEVELOPMENT_FLEET,
    title: `A development fleet of ${names.length} nodes on SoftHSM, which protects nothing`,
    parameters: chosen,
    steps: [...names.flatMap((node) => nodeTokenSteps(node, chosen.pages)), entryStep(chosen), tlsStep(chosen)],
  };
}

const ENTRY = 'fleet-entry.json';
const AUTHORITY = 'ca.pem';

function entryStep(chosen: DevelopmentParameters): Step<DevelopmentSite> {
  return {
    id: 'fleet/entry',
    role: 'operator',
    title: `write the fleet entry (${ENTRY})`,
    before: chosen.nodes.map(({ name }) => pagesStep(name)),
    do: async (site, known) => site.write([ENTRY], `${deriveEntry(chosen, known).line}\n`),
    readBack: async (site) => {
      const text = site.read(ENTRY);
      if (text === undefined) return undefined;
      const { digest, fleets } = parseEntry(text);
      return { digest, fleets: fleets.map(({ fleet }) => fleet.id) };
    },
    after: [
      {
        must: 'it parses, and is the entry that follows from the keys that were read back',
        holds: ({ digest }, known) => digest === deriveEntry(chosen, known).digest,
      },
      { must: 'it says that the tokens are simulated', holds: (_, known) => everyTokenSimulated(chosen, known) },
    ],
  };
}

function everyTokenSimulated(chosen: DevelopmentParameters, known: ReadonlyMap<string, Facts>): boolean {
  return deriveEntry(chosen, known).fleets.every(({ nodes }) => nodes.every(({ token }) => token.simulated));
}

/** The authority's file is written last: without it the step was not done, and is done anew as a whole. */
function tlsStep(chosen: DevelopmentParameters): Step<DevelopmentSite> {
  const names = chosen.nodes.map(({ name }) => name);
  return {
    id: 'fleet/tls',
    role: 'operator',
    title: `certify the nodes' TLS keys by an authority whose private key is forgotten at once (${AUTHORITY})`,
    before: names.map((node) => keyStep(node, 'tls')),
    do: async (site, known) => {
      const servers = names.map((name) => ({ name, tlsKey: publicKeyOf(known, name, 'tls') }));
      const { authority, servers: made } = await makeTlsCertificates(servers, Date.parse(chosen.validFrom), Date.parse(chosen.validUntil));
      for (const [name, certificate] of made) site.write([name, 'tls.pem'], certificate);
      site.write([AUTHORITY], authority);
    },
    readBack: async (site) => {
      const authority = site.digest(AUTHORITY);
      return authority === undefined ? undefined : { authority, nodes: names.map((name) => site.digest(name, 'tls.pem') ?? 'missing') };
    },
    after: [{ must: 'every node has a TLS certificate', holds: ({ nodes }) => Array.isArray(nodes) && !nodes.includes('missing') }],
  };
}
