/**
 * The token: an HSM behind PKCS#11, and all that this program ever asks of one. Whoever holds its PIN can do with its keys
 * what this room does, without counting first: that is why a backup key is shared over several tokens.
 */
export { type Creation, createNodeKeys, initialiseToken, lookAtSlot, openCreation, PAGES_DEFAULT, type SlotConfig } from './creation.ts';
export { inspectToken } from './inspect.ts';
export type { KeyFacts } from './keys.ts';
export type { Targets } from './misuse.ts';
export type { CallHook } from './pkcs11.ts';
export { CODE_KEY, type KeyKind, type KeySpec, NODE_KEYS, type NodeRole } from './roles.ts';
export { whenSpent } from './spent.ts';
export { tlsEngineOptions } from './tls.ts';
export {
  type CounterBank,
  openSigner,
  openSigners,
  openToken,
  type Signers,
  type Token,
  type TokenConfig,
  type TokenDescription,
} from './token.ts';
