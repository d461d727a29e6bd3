/**
 * What code this node runs, and what the others say that they run. The launcher (src/release/launch.ts) checks a release and
 * hands its measurement on; started from source there is none: that is development, and said aloud.
 *
 * What anyone says of his own measurement detects drift, such as a node that was forgotten in an upgrade. It is no proof: whoever changed the
 * code would have it say what is expected. So a node refuses for itself, and only warns of others.
 */
import { type Id, isId, NO_ID } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { EntryFleet, FleetEntry } from '../fleet/entry.ts';

export interface Code {
  /** Zeros in development. */
  readonly measurement: Id;
  /** By the fleet entry in force, several while a fleet is upgraded; none when it does not say. It changes with a newer entry. */
  readonly permitted: readonly Id[];
}

/** The newest entry this node knows: the one in its configuration, or one over the air of the same number or a higher one. */
export function inForce(configured: FleetEntry, served: FleetEntry | undefined): FleetEntry {
  return served !== undefined && served.sequence >= configured.sequence ? served : configured;
}

/** What the launcher hands over. */
const VARIABLE = 'HOLDFAST_MEASUREMENT';

/** @throws `configuration` */
export function ownMeasurement(environment: NodeJS.ProcessEnv): Id {
  const measurement = environment[VARIABLE] ?? NO_ID;
  return isId(measurement) ? measurement : fail('configuration', `${VARIABLE} is no measurement: it is set by the launcher alone`);
}

/**
 * @param ownFleet in the entry in force, whenever it is asked for
 * @throws `configuration` when the entry permits other code
 */
export function ownCode(measurement: Id, ownFleet: () => Pick<EntryFleet, 'measurements'>): Code {
  const code = {
    measurement,
    get permitted() {
      return ownFleet().measurements.map(({ digest }) => digest);
    },
  };
  if (permits(code, measurement)) return code;
  const found =
    measurement === NO_ID
      ? 'this node was started from source, and the fleet entry permits measured code only: start it by the launcher'
      : 'the fleet entry permits other code than this node runs: publish an entry that names it, or start a release that is named';
  return fail('configuration', found, { measurement, permitted: code.permitted.join(' ') });
}

export function permits({ permitted }: Code, measurement: Id): boolean {
  return permitted.length === 0 || permitted.includes(measurement);
}
