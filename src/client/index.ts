/** The client SDK, for browsers and for Node (`holdfast/client`; `holdfast/client/node` adds files and native Argon2id). */
export { HoldfastError } from '../base/errors.ts';
export { Secret } from '../base/secret.ts';
export { type FleetEntry, parseEntry } from '../fleet/entry.ts';
export type { Objected } from '../quorum/client/cancel.ts';
export type { Deposited } from '../quorum/client/deposit.ts';
export type { AccountEvents, SeenEvent } from '../quorum/client/events.ts';
export type { Recovered } from '../quorum/client/recover.ts';
export { clientKeyJwk } from '../vault/client-key.ts';
export { DEFAULT_KDF, KDF_MIN } from '../vault/kdf.ts';
export { choosePasscode, normalisePasscode } from '../vault/passcode.ts';
export { UNLIMITED_GUESSES } from '../vault/policy.ts';
export { generateRecoveryCode, readRecoveryCode } from '../vault/recovery-code.ts';
export { PASSCODE, RECOVERY_CODE } from '../vault/slot.ts';
export { type ClientKey, generateClientKey } from './key.ts';
export { type MemoStore, memoryMemos } from './memo.ts';
export { type ClientOptions, DEFAULT_POLICY, type DepositOptions, VaultClient } from './vault-client.ts';
