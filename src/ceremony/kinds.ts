/** Every kind of ceremony, by the name of its plan: how its plan follows from parameters, and its outcome from what was read back. */
import { fail } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { RoomParameters } from './people.ts';
import type { Place } from './places.ts';
import type { Facts, Known, Plan } from './plan.ts';
import { deriveEntry } from './plans/derive-entry.ts';
import { DEVELOPMENT_FLEET, developmentFleet } from './plans/development-fleet.ts';
import { readParameters } from './plans/development-parameters.ts';
import { ENTRY_FILE, FIRST_FLEET, firstFleet, readFirstFleet, requestStep } from './plans/first-fleet.ts';
import { firstFleetTemplate, type TemplateOptions } from './plans/templates.ts';
import type { RehearsalRoom } from './rehearsal.ts';

/** What follows from a transcript, and from nothing else. */
export interface Outcome {
  /** Texts by the name of the file in the ceremony's folder that holds them. */
  readonly files: Readonly<Record<string, string>>;
  readonly entry?: FleetEntry;
}

/** A ceremony with people in a room. */
interface RoomKind {
  readonly read: (parameters: unknown) => RoomParameters;
  /** Of its tokens, by their labels. */
  readonly places: (parameters: unknown) => Readonly<Record<string, Place>>;
  /** Parameters to fill in. */
  readonly template: (options: TemplateOptions) => unknown;
  /** For a rehearsal: makes what the ceremony finds, in its folder. @returns the parameters that name it */
  readonly prepare?: (folder: string, parameters: unknown, room: RehearsalRoom) => Promise<unknown>;
}

export interface Kind {
  readonly name: string;
  /** In one line, for a list. */
  readonly about: string;
  /** @throws `malformed` */
  readonly plan: (parameters: unknown) => Plan<never>;
  readonly derive: (parameters: Facts, known: Known) => Outcome;
  readonly room?: RoomKind;
}

export const kinds: readonly Kind[] = [
  {
    name: DEVELOPMENT_FLEET,
    about: 'a fleet on this machine, with SoftHSM; nobody signs, and PINs are in files',
    plan: developmentFleet,
    derive: (parameters, known) => entryOutcome(deriveEntry(readParameters(parameters), known)),
  },
  {
    name: FIRST_FLEET,
    about: "a fleet: its nodes' tokens and keys, custody of their PINs, and its entry",
    plan: firstFleet,
    derive: (parameters, known) => {
      const chosen = readFirstFleet(parameters);
      const requests = chosen.nodes.map(({ name }) => [`${name}/tls.csr`, String(known.get(requestStep(name))?.['request'])]);
      const { files, entry } = entryOutcome(deriveEntry(chosen, known));
      return { files: { ...files, ...Object.fromEntries(requests) }, entry };
    },
    room: {
      read: readFirstFleet,
      places: (parameters) => Object.fromEntries(readFirstFleet(parameters).nodes.map(({ name, token }) => [name, token])),
      template: firstFleetTemplate,
    },
  },
];

function entryOutcome(entry: FleetEntry): Outcome & { readonly entry: FleetEntry } {
  return { files: { [ENTRY_FILE]: `${entry.line}\n` }, entry };
}

/** @throws `malformed` for a plan that this version does not know */
export function kindOf(name: unknown): Kind {
  const found = kinds.find((kind) => kind.name === name);
  return (
    found ?? fail('malformed', 'this version knows no such plan', { plan: String(name), known: kinds.map((kind) => kind.name).join(' ') })
  );
}
