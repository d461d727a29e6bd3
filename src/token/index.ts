/**
 * The token: an HSM behind PKCS#11, and all that this program ever asks of one. Whoever holds its PIN can do with its keys
 * what this room does, without counting first: that is why a backup key is shared over several tokens.
 */
export { type Creation, createNodeKeys, openCreation, PAGES_DEFAULT, type PagesFacts } from './creation.ts';
export { inspectToken, type TokenReport } from './inspect.ts';
export type { KeyFacts } from './keys.ts';
export type { Misuse } from './misuse.ts';
export { type KeyKind, type KeySpec, NODE_KEYS, type NodeRole } from './roles.ts';
export { type TlsKeyOptions, tlsEngineOptions } from './tls.ts';
export { type CounterBank, openSigner, openToken, type Signer, type Token, type TokenConfig, type TokenDescription } from './token.ts';
