/**
 * A token's keys and counters, made and destroyed step by step, for a ceremony that records each step. Nothing is ever
 * replaced: a step whose key or bank is there already refuses (`configuration`). Calls block, and may be watched.
 */

import { fail } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { createBank, isUnmade } from './bank/create.ts';
import { prove } from './bank/proof.ts';
import { TokenShelf } from './bank/shelf.ts';
import { createKey, destroyKey, findKey, type KeyFacts, readBack } from './keys.ts';
import { type Misuse, type Targets, tryMisuse } from './misuse.ts';
import { type CallHook, Module, P11, type TokenInfo } from './pkcs11.ts';
import { chooseProfile, describeToken, type Findings, probeToken } from './probe.ts';
import { type KeySpec, NODE_KEYS } from './roles.ts';
import { sign } from './sign.ts';
import type { TokenConfig } from './token.ts';

/** How many pages a node's counters get by default: 289,000 slots at 512 KiB each. */
export const PAGES_DEFAULT = 16;

/** What the token says of its counters. */
export interface PagesFacts {
  readonly pages: number;
  readonly pageBytes: number;
  /** Zero until a node has counted. */
  readonly sequence: bigint;
}

/** Where a token is, or is to be made. */
export interface SlotConfig extends Pick<TokenConfig, 'module' | 'label' | 'initString'> {
  /** CK_SLOT_ID of a token that is not initialised; by default the only one. */
  readonly slot?: number;
}

/** What a token says of itself before anyone logs in. */
export interface SlotFacts {
  readonly initialised: boolean;
  /** Empty in one that was never initialised. */
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly firmware: string;
}

export interface Creation {
  /** @throws `token-unsuitable` naming what the token lacks. */
  probe(): Findings;
  /** What the device is, by its profile; nothing is tried. */
  describe(): Omit<Findings, 'suite'>;
  /** Whether anything has this label, be it half a pair. */
  has(spec: KeySpec): boolean;
  /** @throws `configuration` when the label is taken. */
  createKey(spec: KeySpec): void;
  /** @throws `token-unsuitable` naming the attribute that is not what it must be. */
  readBack(spec: KeySpec): KeyFacts;
  /** Needs the tag secret. Pages first, the root object last. */
  createPages(pages?: number): void;
  /** Nothing when there is no bank, or one whose making was interrupted. @throws `token-unsuitable` when not all of it is there. */
  readBackPages(): PagesFacts | undefined;
  /** Tries what the token should forbid to whoever has its PIN, on these keys; by default a node's, all of which must be there. */
  tryMisuse(targets?: Targets): Misuse[];
  /** How many objects of any kind are in the token. */
  objects(): number;
  sign(spec: KeySpec, bytes: Uint8Array): Uint8Array;
  /** For good; nothing where there is none. */
  destroyKey(spec: KeySpec): void;
  /** All data objects: the counters. */
  destroyData(): void;
  close(): void;
}

/** @throws `token-unavailable`, `configuration` */
export function lookAtSlot({ module: path, label, slot: number, initString }: SlotConfig, hook?: CallHook): SlotFacts {
  const { info } = new Module(path, initString, hook).findOrEmpty(label, number);
  return {
    initialised: isInitialised(info),
    label: info.label.replaceAll('\0', ' ').trim(),
    manufacturer: info.manufacturerID.trim(),
    model: info.model.trim(),
    serial: info.serialNumber.trim(),
    firmware: `${info.firmwareVersion.major}.${info.firmwareVersion.minor}`,
  };
}

const isInitialised = ({ flags }: TokenInfo): boolean => (flags & P11.CKF_TOKEN_INITIALIZED) !== 0;

/** Gives the token its label and PINs. @throws `configuration` when it was initialised before: whatever it holds stays. */
export function initialiseToken(
  { module: path, label, slot: number, initString }: SlotConfig,
  soPin: Secret<string>,
  pin: Secret<string>,
  hook?: CallHook,
): void {
  const module = new Module(path, initString, hook);
  const { slot, info } = module.findOrEmpty(label, number);
  if (isInitialised(info))
    fail(
      'configuration',
      "the token was initialised before this ceremony: reset it by its vendor's tools, in front of everyone, and begin again",
      {
        label,
        serial: info.serialNumber.trim(),
      },
    );
  module.initToken(slot, label, soPin, pin);
}

/** @throws `configuration`, `token-unavailable`; the PIN is the user's, not the security officer's. */
export function openCreation(config: TokenConfig, hook?: CallHook): Creation {
  const module = new Module(config.module, config.initString, hook);
  const { slot, info } = module.findToken(config.label);
  const session = module.openSession({ slot, info }, config.pin);
  const { pageBytes } = chooseProfile(info, config.profile);
  return {
    probe: () => probeToken(module, slot, session, info, config.profile),
    describe: () => describeToken(info, config.profile),
    createKey: (spec) => createKey(session, spec),
    has: (spec) => session.find({ [P11.CKA_LABEL]: spec.label }).length > 0,
    readBack: (spec) => readBack(session, spec),
    createPages: (pages = PAGES_DEFAULT) => createBank(new TokenShelf(session), pages, pageBytes),
    readBackPages: () => readBackPages(new TokenShelf(session)),
    tryMisuse: (targets) => {
      const suite = targets === undefined ? probeToken(module, slot, session, info, config.profile).suite : undefined;
      return tryMisuse(session, targets, suite, (look) => session.withoutLogin(config.pin, look));
    },
    objects: () => session.find({}).length,
    sign: (spec, bytes) => sign(session, findKey(session, spec), spec.kind, bytes),
    destroyKey: (spec) => destroyKey(session, spec),
    destroyData: () => {
      for (const object of session.find({ [P11.CKA_CLASS]: P11.CKO_DATA })) session.destroy(object);
    },
    close: () => session.close(),
  };
}

function readBackPages(shelf: TokenShelf): PagesFacts | undefined {
  const found = shelf.findAll();
  if (isUnmade(found)) return undefined;
  const { root, sequence } = prove(found.flatMap(({ whole }) => whole ?? []));
  return { pages: root.pages.length, pageBytes: root.pageBytes, sequence };
}

/** All steps of a node's token in one go, for development and tests. */
export function createNodeKeys(config: TokenConfig & { readonly pages?: number }): KeyFacts[] {
  const creation = openCreation(config);
  try {
    creation.probe();
    const specs = Object.values(NODE_KEYS);
    for (const spec of specs) creation.createKey(spec);
    const facts = specs.map((spec) => creation.readBack(spec));
    creation.createPages(config.pages);
    return facts;
  } finally {
    creation.close();
  }
}
