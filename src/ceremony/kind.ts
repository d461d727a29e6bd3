/** What a kind of ceremony is: how its plan follows from parameters, and its outcome from what was read back. */
import type { FleetEntry } from '../fleet/entry.ts';
import type { RoomParameters } from './people.ts';
import type { Place } from './places.ts';
import type { Facts, Known, Plan } from './plan.ts';
import type { TemplateOptions } from './plans/templates.ts';
import type { RehearsalRoom } from './rehearsal.ts';

/** What follows from a transcript, and from nothing else. */
export interface Outcome {
  /** Texts by the name of the file in the ceremony's folder that holds them. */
  readonly files: Readonly<Record<string, string>>;
  readonly entry?: FleetEntry;
}

/** Performs an earlier ceremony, of which this one needs what it made. @returns its folder's files that were derived */
export type Earlier = (kind: string, folder: string, parameters: unknown) => Promise<Outcome>;

/** A ceremony with people in a room. */
interface RoomKind {
  readonly read: (parameters: unknown) => RoomParameters;
  /** Of its tokens, by their labels. */
  readonly places: (parameters: unknown) => Readonly<Record<string, Place>>;
  /** Parameters to fill in. */
  readonly template: (options: TemplateOptions) => unknown;
  /** For a rehearsal: makes what the ceremony finds, in its folder. @returns the parameters that name it */
  readonly prepare?: (folder: string, parameters: unknown, room: RehearsalRoom, earlier: Earlier) => Promise<unknown>;
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

interface Named {
  readonly name: string;
  readonly token: Place;
}

export function placesOf(tokens: readonly Named[]): Readonly<Record<string, Place>> {
  return Object.fromEntries(tokens.map(({ name, token }) => [name, token]));
}

export function namesIn(tokens: readonly { readonly name: string }[]): string[] {
  return tokens.map(({ name }) => name);
}
