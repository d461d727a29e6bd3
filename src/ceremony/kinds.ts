/** Every kind of ceremony, by the name of its plan: how its plan follows from parameters, and its outcome from what was read back. */
import { fail } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { Facts, Known, Plan } from './plan.ts';
import { deriveEntry } from './plans/derive-entry.ts';
import { DEVELOPMENT_FLEET, developmentFleet } from './plans/development-fleet.ts';
import { readParameters } from './plans/development-parameters.ts';

/** What follows from a transcript, and from nothing else. */
export interface Outcome {
  /** Texts by the name of the file in the ceremony's folder that holds them. */
  readonly files: Readonly<Record<string, string>>;
  readonly entry?: FleetEntry;
}

export interface Kind {
  readonly name: string;
  /** @throws `malformed` */
  readonly plan: (parameters: unknown) => Plan<never>;
  readonly derive: (parameters: Facts, known: Known) => Outcome;
}

const kinds: readonly Kind[] = [
  {
    name: DEVELOPMENT_FLEET,
    plan: developmentFleet,
    derive: (parameters, known) => entryOutcome(deriveEntry(readParameters(parameters), known)),
  },
];

function entryOutcome(entry: FleetEntry): Outcome {
  return { files: { 'fleet-entry.json': `${entry.line}\n` }, entry };
}

/** @throws `malformed` for a plan that this version does not know */
export function kindOf(name: unknown): Kind {
  const found = kinds.find((kind) => kind.name === name);
  return (
    found ?? fail('malformed', 'this version knows no such plan', { plan: String(name), known: kinds.map((kind) => kind.name).join(' ') })
  );
}
