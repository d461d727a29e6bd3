/**
 * A node's keys and counters, made in the token step by step, for a ceremony that records each step. Nothing is ever
 * replaced: a step whose key or bank is there already refuses (`configuration`). Calls block.
 */
import { createBank, isUnmade } from './bank/bank.ts';
import { prove } from './bank/proof.ts';
import { TokenShelf } from './bank/shelf.ts';
import { createKey, type KeyFacts, readBack } from './keys.ts';
import { type Misuse, tryMisuse } from './misuse.ts';
import { Module, P11 } from './pkcs11.ts';
import { chooseProfile, type Findings, probeToken } from './probe.ts';
import { type KeySpec, NODE_KEYS } from './roles.ts';
import type { TokenConfig } from './token.ts';

/** How many pages a node's counters get by default: 144,000 slots at 256 KiB each. */
export const PAGES_DEFAULT = 16;

/** What the token says of its counters. */
export interface PagesFacts {
  readonly pages: number;
  readonly pageBytes: number;
  /** Zero until a node has counted. */
  readonly sequence: bigint;
}

export interface Creation {
  /** @throws `token-unsuitable` naming what the token lacks. */
  probe(): Findings;
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
  /** Tries what the token should forbid. Needs all keys of a node. */
  tryMisuse(): Misuse[];
  close(): void;
}

/** @throws `configuration`, `token-unavailable`; the PIN is the user's, not the security officer's. */
export function openCreation(config: TokenConfig): Creation {
  const module = new Module(config.module, config.initString);
  const { slot, info } = module.findToken(config.label);
  const session = module.openSession(slot, config.pin);
  const { pageBytes } = chooseProfile(info, config.profile);
  return {
    probe: () => probeToken(module, slot, session, info, config.profile),
    createKey: (spec) => createKey(session, spec),
    has: (spec) => session.find({ [P11.CKA_LABEL]: spec.label }).length > 0,
    readBack: (spec) => readBack(session, spec),
    createPages: (pages = PAGES_DEFAULT) => createBank(new TokenShelf(session), pages, pageBytes),
    readBackPages: () => readBackPages(new TokenShelf(session)),
    tryMisuse: () => tryMisuse(session, probeToken(module, slot, session, info, config.profile).suite),
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
