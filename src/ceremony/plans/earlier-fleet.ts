/**
 * What ceremonies on an existing fleet share: the fleet entry in which its keys stand, and that a token is the one it names. A
 * rehearsal makes such a fleet first.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { fromBase64url, toBase64url } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { type EntryNode, type FleetEntry, parseEntry } from '../../fleet/entry.ts';
import { NODE_KEYS } from '../../token/index.ts';
import { type Earlier, namesIn } from '../kind.ts';
import type { RoomParameters } from '../people.ts';
import { place } from '../places.ts';
import type { Facts, Step } from '../plan.ts';
import type { RehearsalRoom } from '../rehearsal.ts';
import type { CeremonySite } from '../site.ts';
import { FIRST_FLEET } from './first-fleet.ts';
import { open, tokenStep } from './token-keys.ts';

/** A line that parses; it is the operator's to know that it is the one in use. */
export const entryLine = z.string().refine((line) => {
  try {
    return parseEntry(line).line === line;
  } catch {
    return false;
  }
}, 'expected the one line of a fleet entry');

export const knownNode = z.strictObject({ name: z.string().min(1).max(32), token: place });

/** Of whatever fleet of the entry. @throws `malformed` for a name that the entry does not have, or has twice */
export function nodeIn(entry: FleetEntry, name: string): EntryNode {
  const [found, second] = entry.fleets.flatMap(({ nodes }) => nodes).filter((node) => node.name === name);
  if (second !== undefined)
    return fail('malformed', 'two fleets of the entry have a node of this name: give an entry with one of them', { name });
  return found ?? fail('malformed', 'the fleet entry has no node of this name', { name });
}

export const identifiedStep = (name: string): string => `${name}/identified`;

/** Before anything is destroyed: the wrong device in the slot would be a fleet lost. */
export function identified(name: string, node: EntryNode): Step<CeremonySite> {
  const expected = { identity: toBase64url(node.identityKey), sealing: toBase64url(node.sealingKey) };
  return {
    id: identifiedStep(name),
    role: 'observer',
    title: `compare the keys in ${name} with the fleet entry`,
    before: [tokenStep(name)],
    readBack: async (site) => {
      const keys = await Promise.all(
        (['identity', 'sealing', 'tls'] as const).map(async (role) => [role, await publicIn(site, name, role)]),
      );
      return Object.fromEntries(keys) as Facts;
    },
    after: [
      { must: 'its identity key is the one that the fleet entry names', holds: ({ identity }) => identity === expected.identity },
      { must: 'its sealing key is the one that the fleet entry names', holds: ({ sealing }) => sealing === expected.sealing },
    ],
  };
}

async function publicIn(site: CeremonySite, name: string, role: 'identity' | 'sealing' | 'tls'): Promise<string> {
  const facts = await open(site, name).readKey(NODE_KEYS[role]);
  return String(facts?.['publicKey'] ?? fail('token-unsuitable', 'a key of a node is missing in the token', { node: name, role }));
}

/** For a rehearsal: the fleet of this entry, with other keys, its tokens beside the folder `before`. @returns its entry */
export async function makeEarlierFleet(
  folder: string,
  chosen: RoomParameters,
  { namespace, validFrom, validUntil, fleets }: FleetEntry,
  room: RehearsalRoom,
  earlier: Earlier,
): Promise<FleetEntry> {
  const [fleet = fail('alarm', 'an entry without a fleet')] = fleets;
  const second = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const { entry } = await earlier(FIRST_FLEET, join(folder, 'before'), {
    ...earlierRoom(chosen, room, namesIn(fleet.nodes)),
    namespace,
    quorum: fleet.fleet.quorum,
    validFrom: second(validFrom),
    validUntil: second(validUntil),
    pages: 1,
    nodes: fleet.nodes.map(({ name, region, operator, url }) => ({ name, region, operator, url, token: { softhsm: `../${name}` } })),
  });
  return entry ?? fail('alarm', 'a fleet without an entry');
}

/**
 * The room of the ceremony before, for a rehearsal: the same people, the keys that are made up for them, cards on paper.
 * @param tokens of that ceremony; one that is no custodian's now was everyone's then
 */
export function earlierRoom({ ceremony, custody, people }: RoomParameters, room: RehearsalRoom, tokens: readonly string[]): RoomParameters {
  const named = custody.custodians.flatMap((one) => one.tokens ?? []);
  const others = tokens.filter((token) => !named.includes(token));
  const signer = ({ name }: { readonly name: string }) => ({ name, key: room.handOf(name).key });
  return {
    ceremony: custody.ceremony ?? ceremony,
    people: { operator: signer(people.operator), observers: people.observers.map(signer) },
    custody: {
      threshold: custody.threshold,
      custodians: custody.custodians.map(({ name, tokens: own }) => ({ name, ...(own && { tokens: [...own, ...others] }) })),
    },
  };
}

export const keyBytes = (facts: Facts | undefined, name: string): Uint8Array => fromBase64url(String(facts?.[name]));
