/**
 * The ceremony of a fleet: its nodes' tokens made in front of everyone, keys that never leave them, PINs that nobody has alone,
 * and the fleet entry that follows. What it makes is what docs/ceremony.md says it proves.
 */
import { z } from 'zod';
import { concatBytes, type Id, isId, toId } from '../../base/bytes.ts';
import { type FleetEntry, parseEntry } from '../../fleet/entry.ts';
import { NODE_KEYS } from '../../token/index.ts';
import { hash } from '../../wire/signed.ts';
import { readRequest, requestCertificate } from '../certificate-request.ts';
import { type Kind, namesIn, placesOf } from '../kind.ts';
import { coversTokens, EVERYONE_ONCE, hasEveryoneOnce, roomParameters, TOKENS_COVERED } from '../people.ts';
import { place } from '../places.ts';
import type { Known, Plan, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { deriveEntry } from './derive-entry.ts';
import { keyStep, misuseStepId, nodeTokenSteps, pagesStep, publicKeyOf } from './node-token.ts';
import { asFacts, filled, parametersOf } from './parameters.ts';
import { closing, custodyProof, freshToken, handover, opening, PROOF } from './room-steps.ts';
import { firstFleetTemplate } from './templates.ts';

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
    /** Of the code that nodes may run; with none here any may, until an entry over the air names some. */
    measurements: z
      .array(z.strictObject({ digest: z.string().refine(isId, 'expected a measurement, 64 hex digits').transform(toId), rebuild: filled }))
      .max(16)
      .optional(),
    /** Pages of counters, per node: src/token/creation.ts. */
    pages: z.int().min(1),
    nodes: z.array(node).refine(({ length }) => [3, 5, 7].includes(length), 'a fleet has 3, 5 or 7 nodes'),
  })
  .refine(hasEveryoneOnce, EVERYONE_ONCE)
  .refine((chosen) => coversTokens(chosen, namesIn(chosen.nodes)), TOKENS_COVERED);

/** @throws `malformed` */
const readFirstFleet = parametersOf(parameters);

/** @throws `malformed` */
function firstFleet(value: unknown): Plan<CeremonySite> {
  const chosen = readFirstFleet(value);
  const names = namesIn(chosen.nodes);
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
      writtenEntry('write the fleet entry', names.map(summaryStep), (known) => deriveEntry(chosen, known)),
      closing(['fleet/entry', ...names.map(requestStep)]),
    ],
    afterwards: [
      `${names.map((name) => requestFile(name).join('/')).join(', ')}: have them certified, and put each certificate chain where the node's configuration says (public.tlsCertificateFile)`,
      `${ENTRY_FILE}: at every node (entryFile), and at clients that pin it`,
      `where clients get the entry over the air: name the transcript in the operator's configuration (fleets.transcript), and "holdfast fleet publish"`,
      `nodes are started by their custodians: token.pin.custodians with the ceremony "${chosen.ceremony}"`,
    ],
  };
}

const after = <Site>(step: Step<Site>, earlier: string): Step<Site> => ({ ...step, before: [earlier, ...step.before] });
const summaryStep = (name: string): string => `${name}/keys`;
const requestFile = (name: string): string[] => [name, 'tls.csr'];
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
export function tlsRequest(name: string, url: string): Step<CeremonySite> {
  const path = requestFile(name);
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

/** The step that writes an entry, which follows from what was read back before. */
export function writtenEntry(title: string, before: readonly string[], derive: (known: Known) => FleetEntry): Step<CeremonySite> {
  return {
    id: 'fleet/entry',
    role: 'operator',
    title: `${title} (${ENTRY_FILE})`,
    before,
    makes: [ENTRY_FILE],
    do: async (site, known) => site.write([ENTRY_FILE], `${derive(known).line}\n`),
    readBack: async (site) => {
      const text = site.read(ENTRY_FILE);
      if (text === undefined) return undefined;
      const { digest, fleets } = parseEntry(text);
      return { digest, fleets: fleets.map(({ fleet }) => fleet.id) };
    },
    after: [
      {
        must: 'it is the entry that follows from what was chosen and from the keys that were read back, every one of them different',
        holds: ({ digest }, known) => digest === derive(known).digest,
      },
    ],
    aloud: [{ what: 'the digest of the fleet entry', digest: ({ digest }) => toId(String(digest)) }],
    sign: true,
  };
}

export const firstFleetKind: Kind = {
  name: FIRST_FLEET,
  about: "a fleet: its nodes' tokens and keys, custody of their PINs, and its entry",
  plan: firstFleet,
  derive: (parameters, known) => {
    const chosen = readFirstFleet(parameters);
    const entry = deriveEntry(chosen, known);
    return { files: { [ENTRY_FILE]: `${entry.line}\n`, ...requestsOf(namesIn(chosen.nodes), known) }, entry };
  },
  room: { read: readFirstFleet, places: (parameters) => placesOf(readFirstFleet(parameters).nodes), template: firstFleetTemplate },
};

/** The requests that were signed, by their files. */
export function requestsOf(names: readonly string[], known: Known): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [requestFile(name).join('/'), String(known.get(requestStep(name))?.['request'])]));
}
