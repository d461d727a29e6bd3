/**
 * The end of a fleet: every key of every node destroyed in its token and read back as gone, the counters too, and the next fleet
 * entry, in which the fleet is retired. From then on no share sealed for it opens anywhere, however old the copy. A fleet that is
 * not yet published as retiring is not destroyed: clients must have had time to move.
 */
import { z } from 'zod';
import { type Id, isId } from '../../base/bytes.ts';
import { type FleetEntry, parseEntry } from '../../fleet/entry.ts';
import { NODE_KEYS, type NodeRole } from '../../token/index.ts';
import { type Kind, namesIn, placesOf } from '../kind.ts';
import { coversTokens, EVERYONE_ONCE, hasEveryoneOnce, roomParameters, TOKENS_COVERED } from '../people.ts';
import type { Plan, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { destroyed } from './destruction.ts';
import { entryLine, identified, identifiedStep, knownNode, makeEarlierFleet, nodeIn } from './earlier-fleet.ts';
import { ENTRY_FILE, writtenEntry } from './first-fleet.ts';
import { isEmpty } from './node-token.ts';
import { asFacts, parametersOf } from './parameters.ts';
import { closing, knownToken, opening, unlocking } from './room-steps.ts';
import { existingFleetTemplate } from './templates.ts';
import { open } from './token-keys.ts';

const second = z.iso.datetime({ precision: 0 });
const shape = z.strictObject({
  ...roomParameters,
  /** The one in use, in which the fleet is retiring. */
  entry: entryLine,
  fleet: z.string().refine(isId, 'expected the id of the fleet, 64 hex digits'),
  nodes: z.array(knownNode).min(1).max(7),
  /** Of the next entry. */
  since: second,
  validUntil: second,
});
type RetireFleet = z.output<typeof shape>;

const parameters = shape
  .refine(hasEveryoneOnce, EVERYONE_ONCE)
  .refine((chosen) => coversTokens(chosen, namesIn(chosen.nodes)), TOKENS_COVERED)
  .refine(isRetiring, 'expected an entry in which this fleet is retiring: clients need time to move')
  .refine(hasAllNodes, 'expected every node of the fleet: a key that is left opens what was sealed for it')
  .refine(({ entry, since }) => parseEntry(entry).validFrom <= Date.parse(since), 'since: expected a time after the entry in use began');
const read = parametersOf(parameters);

function fleetOf({ entry, fleet }: Pick<RetireFleet, 'entry' | 'fleet'>) {
  return parseEntry(entry).fleets.find((one) => one.fleet.id === fleet);
}

function isRetiring(chosen: RetireFleet): boolean {
  return fleetOf(chosen)?.state === 'retiring';
}

function hasAllNodes(chosen: RetireFleet): boolean {
  const expected = fleetOf(chosen)?.nodes.map(({ name }) => name) ?? [];
  return expected.length === chosen.nodes.length && expected.every((name) => namesIn(chosen.nodes).includes(name));
}

/** The entry after this one, and nothing else changed: the fleet is retired. */
function retiredEntry({ entry, fleet, since, validUntil }: Pick<RetireFleet, 'entry' | 'fleet' | 'since' | 'validUntil'>): FleetEntry {
  const before = parseEntry(entry);
  const value = JSON.parse(entry) as { fleets: { id: Id }[] };
  const fleets = value.fleets.map((one) => (one.id === fleet ? { ...one, state: 'retired', since, absent: undefined } : one));
  const next = { ...value, sequence: before.sequence + 1, previous: before.digest, validFrom: since, validUntil, fleets };
  return parseEntry(JSON.stringify(next));
}

const PURPOSE: Readonly<Record<NodeRole, string>> = {
  sealing: 'that opens shares sealed for the node',
  tags: 'for keyed tags of the counters',
  tls: 'for TLS',
  identity: 'that signs what the node says',
};
const ROLES = ['sealing', 'tags', 'tls', 'identity'] as const;
const emptyStep = (name: string): string => `${name}/empty`;

function retireFleet(value: unknown): Plan<CeremonySite> {
  const chosen = read(value);
  const names = namesIn(chosen.nodes);
  return {
    name: 'retire-fleet',
    title: `The end of fleet ${chosen.fleet.slice(0, 8)}...: ${chosen.ceremony}`,
    people: { ...chosen.people, custodians: chosen.custody.custodians },
    parameters: asFacts(chosen),
    steps: [
      opening(chosen),
      unlocking(chosen, names),
      ...names.flatMap((name) => [knownToken(name), identified(name, nodeIn(parseEntry(chosen.entry), name))]),
      ...names.flatMap((name) => ending(name, names)),
      writtenEntry('write the next fleet entry, in which the fleet is retired', names.map(emptyStep), () => retiredEntry(chosen)),
      closing(['fleet/entry']),
    ],
    afterwards: [
      `where clients pin the entry: hand them ${ENTRY_FILE}, the next one`,
      `where it comes over the air: name the transcript as evidence in the operator's configuration (fleets.evidence), and "holdfast fleet retire ${chosen.fleet} --retired"`,
      "destroy the custodians' cards of these tokens, and erase the nodes' disks: what they hold opens nowhere any more",
    ],
  };
}

/** @param names of all nodes: none is destroyed before each was found to be the right one */
function ending(name: string, names: readonly string[]): Step<CeremonySite>[] {
  const goneStep = (role: NodeRole): string => `${name}/${role}-gone`;
  return [
    ...ROLES.map((role, i) =>
      destroyed({
        id: goneStep(role),
        token: name,
        spec: NODE_KEYS[role],
        purpose: PURPOSE[role],
        before: i === 0 ? names.map(identifiedStep) : [goneStep(ROLES[i - 1] as NodeRole)],
        goes: (known) => (role === 'tags' ? undefined : known.get(identifiedStep(name))?.[role]),
        ...(i === 0 && {
          confirm: [
            { by: 'operator', statement: `the program of ${name} is stopped for good` },
            {
              by: 'observer',
              statement: `the time that clients were given to move to another fleet is over, and I know of no reason to wait`,
            },
          ],
        }),
      }),
    ),
    {
      id: emptyStep(name),
      role: 'observer',
      title: `destroy the counters in ${name}, and look whether anything is left`,
      before: ROLES.map(goneStep),
      makes: [`${name}: nothing`],
      do: (site) => open(site, name).destroyData(),
      readBack: async (site) => {
        const { objects, serial } = await open(site, name).describe();
        return objects === 0 ? { objects, serial: String(serial) } : undefined;
      },
      after: [isEmpty],
      sign: true,
    },
  ];
}

export const retireFleetKind: Kind = {
  name: 'retire-fleet',
  about: 'the end of a fleet: its keys destroyed in their tokens, and the entry that says so',
  plan: retireFleet,
  derive: (chosen) => {
    const entry = retiredEntry(read(chosen));
    return { files: { [ENTRY_FILE]: `${entry.line}\n` }, entry };
  },
  room: {
    read,
    places: (chosen) => placesOf(read(chosen).nodes),
    template: (options) => existingFleetTemplate(options, 'retiring'),
    prepare: async (folder, value, room, earlier) => {
      const chosen = read(value);
      const active = await makeEarlierFleet(folder, chosen, parseEntry(chosen.entry), room, earlier);
      const entry = active.line.replace('"state":"active"', '"state":"retiring"');
      return { ...chosen, entry, fleet: active.fleets[0]?.fleet.id };
    },
  },
};
