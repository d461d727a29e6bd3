/**
 * What is in a token, for `holdfast token check` and for a ceremony's read-back: the device, its mechanisms, every object
 * with its attributes as a second library (graphene-pk11) reads them, and what probe, keys and counters make of it. Changes
 * nothing; problems are findings here, not errors. Blocks: for programs that run and end.
 */
import * as graphene from 'graphene-pk11';
import { HoldfastError } from '../base/errors.ts';
import { inspectBank } from './bank/bank.ts';
import { TokenShelf } from './bank/shelf.ts';
import { asRefusal } from './failure.ts';
import { type KeyFacts, readBack } from './keys.ts';
import { type Misuse, tryMisuse } from './misuse.ts';
import { Module, type Session, type TokenInfo } from './pkcs11.ts';
import { chooseProfile, type Findings, probeToken } from './probe.ts';
import { type KeySpec, NODE_KEYS } from './roles.ts';
import type { TokenConfig } from './token.ts';

/** A finding, or the reason why there is none. */
export type Finding<T> = { readonly found: T } | { readonly problem: string };

export interface ObjectReport {
  /** CKO_*, without the prefix. */
  readonly class: string;
  readonly label: string;
  /** Booleans that the object has, by name. */
  readonly attributes: Readonly<Record<string, boolean>>;
}

export interface CountersReport {
  readonly pages: number;
  readonly slots: number;
  readonly sequence: bigint;
  readonly quarantined: boolean;
}

export interface TokenReport {
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly firmware: string;
  readonly profile: string;
  readonly profileTried: boolean;
  readonly class: 'device' | 'host';
  readonly simulated: boolean;
  readonly mechanisms: readonly string[];
  readonly objects: readonly ObjectReport[];
  /** What a node needs, found by doing it. */
  readonly suite: Finding<Findings['suite']>;
  readonly keys: Readonly<Record<string, Finding<KeyFacts>>>;
  readonly counters: Finding<CountersReport>;
  /** Empty while keys are missing. */
  readonly misuse: readonly Misuse[];
}

const FLAGS = ['token', 'private', 'sensitive', 'alwaysSensitive', 'extractable', 'neverExtractable', 'local', 'sign', 'derive'] as const;

/**
 * @param keys besides those of a node: a ceremony's own.
 * @throws `configuration`, `token-unavailable`: without a session there is nothing to see.
 */
export function inspectToken(config: TokenConfig, keys: readonly KeySpec[] = Object.values(NODE_KEYS)): TokenReport {
  const module = new Module(config.module, config.initString);
  const { slot, info } = module.findToken(config.label);
  const session = module.openSession({ slot, info }, config.pin);
  try {
    const profile = chooseProfile(info, config.profile);
    const suite = finding(() => probeToken(module, slot, session, info, config.profile).suite);
    const found = Object.fromEntries(keys.map((spec) => [spec.label, finding(() => readBack(session, spec))]));
    const complete = Object.values(NODE_KEYS).every(({ label }) => 'found' in (found[label] ?? {}));
    return {
      label: config.label,
      manufacturer: info.manufacturerID.trim(),
      model: info.model.trim(),
      serial: info.serialNumber.trim(),
      firmware: `${info.firmwareVersion.major}.${info.firmwareVersion.minor}`,
      profile: profile.name,
      profileTried: profile.tried,
      class: profile.class,
      simulated: profile.simulated,
      ...seenByAnother(config, info),
      suite,
      keys: found,
      counters: finding(() => countersOf(session)),
      misuse: complete && 'found' in suite ? tryMisuse(session, NODE_KEYS, suite.found) : [],
    };
  } finally {
    session.close();
  }
}

function finding<T>(look: () => T): Finding<T> {
  try {
    return { found: look() };
  } catch (error) {
    const refused = asRefusal(error);
    if (refused instanceof HoldfastError) return { problem: `${refused.message} ${JSON.stringify(refused.evidence)}` };
    throw error;
  }
}

function countersOf(session: Session): CountersReport {
  const { pages, sequence, quarantined } = inspectBank(new TokenShelf(session));
  return { pages: pages.count, slots: pages.slots, sequence, quarantined };
}

/** The same token through graphene-pk11; the session that is open already keeps it logged in. */
function seenByAnother({ module: path }: TokenConfig, { serialNumber }: TokenInfo): Pick<TokenReport, 'mechanisms' | 'objects'> {
  const slots = graphene.Module.load(path).getSlots(true);
  const slot = all(slots).find((candidate) => candidate.getToken().serialNumber.trim() === serialNumber.trim());
  if (slot === undefined) return { mechanisms: [], objects: [] };
  const session = slot.open(graphene.SessionFlag.SERIAL_SESSION);
  try {
    return { mechanisms: all(slot.getMechanisms()).map(({ name }) => name), objects: all(session.find({})).map(report) };
  } finally {
    session.close();
  }
}

function report(object: graphene.SessionObject): ObjectReport {
  const attributes: Record<string, boolean> = {};
  for (const name of FLAGS) {
    try {
      attributes[name] = object.getAttribute(name) as boolean;
    } catch {
      // Not every class of object has every attribute: what the device does not answer is not reported.
    }
  }
  const { label } = object.getAttribute({ label: null }) as { label?: string };
  return { class: graphene.ObjectClass[object.class] ?? `${object.class}`, label: label ?? '', attributes };
}

function all<T>(collection: { readonly length: number; items(index: number): T }): T[] {
  return Array.from({ length: collection.length }, (_, i) => collection.items(i));
}
