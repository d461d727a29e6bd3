/**
 * A node's keys and counters, made in the token step by step, for a ceremony that records each step. Nothing is ever
 * replaced: a step whose key or bank is there already refuses (`configuration`). Calls block.
 */
import { createBank } from './bank/bank.ts';
import { TokenShelf } from './bank/shelf.ts';
import { createKey, type KeyFacts, readBack } from './keys.ts';
import { Module } from './pkcs11.ts';
import { chooseProfile, type Findings, probeToken } from './probe.ts';
import { type KeySpec, NODE_KEYS } from './roles.ts';
import type { TokenConfig } from './token.ts';

/** How many pages a node's counters get by default: 144,000 slots at 256 KiB each. */
export const PAGES_DEFAULT = 16;

export interface Creation {
  /** @throws `token-unsuitable` naming what the token lacks. */
  probe(): Findings;
  /** @throws `configuration` when the label is taken. */
  createKey(spec: KeySpec): void;
  /** @throws `token-unsuitable` naming the attribute that is not what it must be. */
  readBack(spec: KeySpec): KeyFacts;
  /** Needs the tag secret. Pages first, the root object last. */
  createPages(pages?: number): void;
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
    readBack: (spec) => readBack(session, spec),
    createPages: (pages = PAGES_DEFAULT) => createBank(new TokenShelf(session), pages, pageBytes),
    close: () => session.close(),
  };
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
