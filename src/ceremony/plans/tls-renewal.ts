/**
 * New TLS keys for nodes of a fleet that goes on: the old one destroyed, a new one made in the same token under the same label, and
 * a request for its certificate. Identity and sealing keys are compared with the fleet entry and stay. A node is stopped until it
 * has its new TLS certificate; so one ceremony takes no more nodes of a fleet than it can do without.
 */
import { z } from 'zod';
import { parseEntry } from '../../fleet/entry.ts';
import { NODE_KEYS, type NodeRole } from '../../token/index.ts';
import { type Kind, namesIn, placesOf } from '../kind.ts';
import { coversTokens, EVERYONE_ONCE, hasEveryoneOnce, type RoomParameters, roomParameters, TOKENS_COVERED } from '../people.ts';
import type { Plan, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { destroyed } from './destruction.ts';
import { entryLine, identified, identifiedStep, knownNode, makeEarlierFleet, nodeIn } from './earlier-fleet.ts';
import { requestStep, requestsOf, tlsRequest } from './first-fleet.ts';
import { keyStep, misuseStepId } from './node-token.ts';
import { asFacts, parametersOf } from './parameters.ts';
import { closing, knownToken, opening, unlocking } from './room-steps.ts';
import { existingFleetTemplate } from './templates.ts';
import { keyCreation, misuseStep } from './token-keys.ts';

const parameters = z
  .strictObject({ ...roomParameters, entry: entryLine, nodes: z.array(knownNode).min(1).max(7) })
  .refine(hasEveryoneOnce, EVERYONE_ONCE)
  .refine((chosen) => coversTokens(chosen, namesIn(chosen.nodes)), TOKENS_COVERED)
  .refine(leavesQuorum, 'expected so few nodes that the others of their fleet are a quorum: renew the rest in another ceremony');

type TlsRenewal = z.output<typeof parameters>;
const read = parametersOf(parameters);

function leavesQuorum({ entry, nodes }: { readonly entry: string; readonly nodes: readonly { readonly name: string }[] }): boolean {
  const stopped = namesIn(nodes);
  return parseEntry(entry).fleets.every(
    ({ fleet, nodes: all }) => all.length - all.filter(({ name }) => stopped.includes(name)).length >= fleet.quorum,
  );
}

function tlsRenewal(value: unknown): Plan<CeremonySite> {
  const chosen = read(value);
  const names = namesIn(chosen.nodes);
  return {
    name: 'tls-renewal',
    title: `New TLS keys for ${names.join(', ')}: ${chosen.ceremony}`,
    people: { ...chosen.people, custodians: chosen.custody.custodians },
    parameters: asFacts(chosen),
    steps: [opening(chosen), unlocking(chosen, names), ...names.flatMap((name) => renewal(name, chosen)), closing(names.map(requestStep))],
    afterwards: names.flatMap((name) => [
      `have ${name}/tls.csr certified, and put the certificate chain where the configuration of ${name} says (public.tlsCertificateFile)`,
      `start ${name}, and wait until its /ready answers 200, before the next ceremony`,
    ]),
  };
}

function renewal(name: string, { entry }: TlsRenewal): Step<CeremonySite>[] {
  const node = nodeIn(parseEntry(entry), name);
  const gone = `${name}/tls-gone`;
  const made = keyCreation(keyStep(name, 'tls'), name, NODE_KEYS.tls, 'for TLS', [gone]);
  const kinds = (['identity', 'sealing', 'tls', 'tags'] as const satisfies readonly NodeRole[]).map((role) => NODE_KEYS[role].kind);
  return [
    knownToken(name),
    identified(name, node),
    destroyed({
      id: gone,
      token: name,
      spec: NODE_KEYS.tls,
      purpose: 'for TLS',
      before: [identifiedStep(name)],
      goes: (known) => known.get(identifiedStep(name))?.['tls'],
      confirm: [
        {
          by: 'operator',
          statement: `the program of ${name} is stopped, and every node of its fleet that this ceremony does not name is up`,
        },
      ],
    }),
    {
      ...made,
      after: [
        ...made.after,
        {
          must: 'it is another than the one before',
          holds: ({ publicKey }, known) => publicKey !== known.get(identifiedStep(name))?.['tls'],
        },
      ],
    },
    misuseStep(misuseStepId(name), name, [keyStep(name, 'tls')], kinds),
    tlsRequest(name, node.url),
  ];
}

export const tlsRenewalKind: Kind = {
  name: 'tls-renewal',
  about: 'new TLS keys for nodes of a fleet that goes on, and requests for their certificates',
  plan: tlsRenewal,
  derive: (chosen, known) => ({ files: requestsOf(namesIn(read(chosen).nodes), known) }),
  room: {
    read,
    places: (chosen) => placesOf(read(chosen).nodes),
    template: (options) => existingFleetTemplate({ ...options, nodes: 1 }, 'active'),
    prepare: async (folder, value, room, earlier) => {
      const chosen: RoomParameters & TlsRenewal = read(value);
      return { ...chosen, entry: (await makeEarlierFleet(folder, chosen, parseEntry(chosen.entry), room, earlier)).line };
    },
  },
};
