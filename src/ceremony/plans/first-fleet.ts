/**
 * The ceremony of a fleet: its nodes' tokens made in front of everyone, keys that never leave them, PINs that nobody has alone,
 * and the fleet entry that follows. What it makes is what docs/ceremony.md says it proves.
 */
import { z } from 'zod';
import { concatBytes, type Id, toId } from '../../base/bytes.ts';
import { parseEntry } from '../../fleet/entry.ts';
import { NODE_KEYS } from '../../token/index.ts';
import { hash } from '../../wire/signed.ts';
import { readRequest, requestCertificate } from '../certificate-request.ts';
import { hasEveryoneOnce, roomParameters } from '../people.ts';
import { place } from '../places.ts';
import type { Known, Plan, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { deriveEntry } from './derive-entry.ts';
import { keyStep, misuseStepId, nodeTokenSteps, pagesStep, publicKeyOf } from './node-token.ts';
import { asFacts, filled, parametersOf } from './parameters.ts';
import { closing, custodyProof, freshToken, handover, opening, PROOF } from './room-steps.ts';

export const FIRST_FLEET = 'first-fleet';
export const ENTRY_FILE = 'fleet-entry.json';

const second = z.iso.datetime({ precision: 0 });
const node = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
  region: filled,
  operator: filled,
  /** Where clients reach it. */
  url: z.url({ protocol: /^https$/ }),
  token: place,
});

const parameters = z
  .strictObject({
    ...roomParameters,
    namespace: filled,
    quorum: z.int().min(2).max(7),
    validFrom: second,
    validUntil: second,
    /** Pages of counters, per node: src/token/creation.ts. */
    pages: z.int().min(1),
    nodes: z.array(node).refine(({ length }) => [3, 5, 7].includes(length), 'a fleet has 3, 5 or 7 nodes'),
  })
  .refine(hasEveryoneOnce, 'everyone has one role and one name, and each signer a key of their own');

export type FirstFleet = z.output<typeof parameters>;

/** @throws `malformed` */
export const readFirstFleet = parametersOf(parameters);

/** @throws `malformed` */
export function firstFleet(value: unknown): Plan<CeremonySite> {
  const chosen = readFirstFleet(value);
  const names = chosen.nodes.map(({ name }) => name);
  return {
    name: FIRST_FLEET,
    title: `A fleet of ${names.length} nodes: ${chosen.ceremony}`,
    people: { ...chosen.people, custodians: chosen.custody.custodians },
    parameters: asFacts(chosen),
    steps: [
      opening(chosen),
      handover(chosen, names),
      ...names.flatMap((name) => freshToken(name, true)),
      custodyProof(chosen, names),
      ...names.flatMap((name) => [...nodeTokenSteps(name, chosen.pages).map((step) => after(step, PROOF)), summary(name)]),
      ...chosen.nodes.map(({ name, url }) => tlsRequest(name, url)),
      entryStep(chosen),
      closing(['fleet/entry', ...names.map(requestStep)]),
    ],
  };
}

const after = <Site>(step: Step<Site>, earlier: string): Step<Site> => ({ ...step, before: [earlier, ...step.before] });
const summaryStep = (name: string): string => `${name}/keys`;
export const requestStep = (name: string): string => `${name}/tls-request`;

/** SHA-256 over the three public keys of a node, 33 bytes each: identity, sealing, TLS. */
function keysDigest(known: Known, name: string): Id {
  return hash(concatBytes(...(['identity', 'sealing', 'tls'] as const).map((role) => publicKeyOf(known, name, role))));
}

function summary(name: string): Step<CeremonySite> {
  return {
    id: summaryStep(name),
    role: 'observer',
    title: `compare the keys of ${name} with what the room hears`,
    before: [misuseStepId(name), pagesStep(name)],
    readBack: async (_site, known) => ({ digest: keysDigest(known, name) }),
    after: [
      {
        must: 'it is the digest of the identity, sealing and TLS keys that were read back',
        holds: ({ digest }, known) => digest === keysDigest(known, name),
      },
    ],
    aloud: [{ what: `the digest of the keys of ${name}`, digest: ({ digest }) => toId(String(digest)) }],
    sign: true,
  };
}

/** For whoever certifies TLS keys: clients' trust does not rest on it, so that may happen later and elsewhere. */
function tlsRequest(name: string, url: string): Step<CeremonySite> {
  const path = [name, 'tls.csr'];
  return {
    id: requestStep(name),
    role: 'operator',
    title: `sign in ${name} a request for the TLS certificate of its TLS key (${path.join('/')})`,
    before: [keyStep(name, 'tls'), misuseStepId(name)],
    makes: [path.join('/')],
    do: async (site, known) => {
      const sign = (bytes: Uint8Array) => site.token(name).sign(NODE_KEYS.tls, bytes);
      site.write(path, await requestCertificate(publicKeyOf(known, name, 'tls'), url, sign));
    },
    readBack: async (site) => {
      const request = site.read(...path);
      return request === undefined ? undefined : { request, ...(await readRequest(request)) };
    },
    after: [
      {
        must: 'it is for the TLS key that was read back',
        holds: ({ publicKey }, known) => publicKey === known.get(keyStep(name, 'tls'))?.['publicKey'],
      },
      { must: 'the TLS key signed it', holds: ({ verifies }) => verifies === true },
    ],
  };
}

function entryStep(chosen: FirstFleet): Step<CeremonySite> {
  return {
    id: 'fleet/entry',
    role: 'operator',
    title: `write the fleet entry (${ENTRY_FILE})`,
    before: chosen.nodes.map(({ name }) => summaryStep(name)),
    makes: [ENTRY_FILE],
    do: async (site, known) => site.write([ENTRY_FILE], `${deriveEntry(chosen, known).line}\n`),
    readBack: async (site) => {
      const text = site.read(ENTRY_FILE);
      if (text === undefined) return undefined;
      const { digest, fleets } = parseEntry(text);
      return { digest, fleets: fleets.map(({ fleet }) => fleet.id) };
    },
    after: [
      {
        must: 'it is the entry that follows from the keys that were read back, every one of them different',
        holds: ({ digest }, known) => digest === deriveEntry(chosen, known).digest,
      },
    ],
    aloud: [{ what: 'the digest of the fleet entry', digest: ({ digest }) => toId(String(digest)) }],
    sign: true,
  };
}
