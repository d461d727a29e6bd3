/**
 * A node's token as the rest of the program sees it: three public keys, signatures, shares opened and evaluated, counters.
 * Everything else of PKCS#11 stays in this room. Nothing here blocks: calls wait in one bounded queue for worker threads.
 *
 * Errors of every call: `overloaded`, `timeout`, `token-unavailable` (also while a device that went away is looked for).
 */
import type { Id } from '../base/bytes.ts';
import { assert, fail } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Counters } from '../quorum/counters.ts';
import type { SealedShare } from '../vault/seal.ts';
import type { BankState } from './bank/bank.ts';
import { KnownCounters } from './known.ts';
import { Pool } from './pool.ts';
import { profiles } from './profiles.ts';
import { type KeySpec, NODE_KEYS } from './roles.ts';

export interface TokenConfig {
  /** Path of the PKCS#11 module. */
  readonly module: string;
  /** CKA_LABEL of the token. */
  readonly label: string;
  readonly pin: Secret<string>;
  /** Name in src/token/profiles.ts; by default the device is recognised. */
  readonly profile?: string;
  /** `pReserved` of C_Initialize, for modules that want one. */
  readonly initString?: string;
  /** Threads that sign and evaluate, besides the one that counts. */
  readonly workers?: number;
  readonly queueMax?: number;
  readonly deadlineMs?: number;
}

export interface TokenDescription {
  readonly model: string;
  readonly manufacturer: string;
  readonly serial: string;
  readonly profile: string;
  /** Where the objects, and so the counters, really live: see src/token/profiles.ts. */
  readonly class: 'device' | 'host';
  readonly simulated: boolean;
}

export interface CounterBank {
  /** Counters as they stand in the token; `NEW_COUNTERS` for a slot that was never counted. */
  read(slot: Id): Promise<Counters>;
  /**
   * Resolves to the commit sequence (u64: u32 start number | u32 commit number, from a random one up) once the token holds it. After `timeout` or
   * `token-unavailable` it may hold it or not.
   * @throws `alarm` when a counter would go back, `token-full`, `malformed`.
   */
  commit(slot: Id, counters: Counters): Promise<bigint>;
  /** The last durable one. */
  readonly sequence: bigint;
  /** The one in the token when this process opened it, before it raised the start number. */
  readonly foundSequence: bigint;
  /** What was in the token when the other members last vouched for it, if they have not done so again (`vouch`); else as `foundSequence`. */
  readonly vouchedSequence: bigint;
  vouch(): Promise<void>;
  /** Set by `quarantine`, for good. */
  readonly quarantined: boolean;
  quarantine(): Promise<void>;
  /**
   * Goes on as a start later than this one: the token lost the record of a start that others have heard of. Durable once resolved.
   * @returns the sequence of the new start
   */
  restart(above: bigint): Promise<bigint>;
  /** False: refuse registrations (`token-full`), never votes. */
  readonly hasRoom: boolean;
  /** How many slots it counts. */
  readonly slots: number;
}

export interface Token {
  /** Compressed points, 33 bytes. */
  readonly identityKey: Uint8Array;
  readonly sealingKey: Uint8Array;
  readonly tlsKey: Uint8Array;
  readonly description: TokenDescription;
  readonly counters: CounterBank;
  /** `up`; `away`: it is being looked for; `dead`: for good, this process must be replaced. */
  readonly state: 'up' | 'away' | 'dead';
  /** How often the module was ended and begun again for a token that went away: TLS by the engine needs a new process then. */
  readonly moduleRestarts: number;
  /** Calls of this process that the token was given; the TLS engine's are not among them. */
  readonly calls: number;
  /** ECDSA P-256 by the identity key over SHA-256(bytes): 64 bytes, r || s. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  signWith(signingKey: KeySpec, bytes: Uint8Array): Promise<Uint8Array>;
  /** True only if the share opens, in this context, to the private key of the public share (x compared). */
  open(sealed: SealedShare, context: Uint8Array, publicShare: Uint8Array): Promise<boolean>;
  /**
   * x(k*B) and x(k*B'), 64 bytes, computed in the token.
   * @param element B and B', 33 bytes each; what follows is not read (oprf/checked.ts)
   * @throws `share-refused` when the share does not open; `malformed` for points off the curve; `token-unavailable`
   */
  evaluate(sealed: SealedShare, context: Uint8Array, element: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

const DEFAULTS = { workers: 2, queueMax: 1024, deadlineMs: 10_000 };

/**
 * Starts the threads, logs in, probes, proves the counters.
 * @throws `token-unsuitable` naming what is missing, `token-unavailable`, `configuration`.
 */
export async function openToken(config: TokenConfig): Promise<Token> {
  const pool = await Pool.open({ ...DEFAULTS, ...config, keys: [NODE_KEYS.identity, NODE_KEYS.sealing, NODE_KEYS.tls], node: true });
  const { publicKeys = {}, findings } = pool.first;
  assert(findings !== undefined, 'the first thread probed');
  const profile = profiles.find(({ name }) => name === findings.profile);
  assert(profile !== undefined, 'the profile is one of the table');
  const key = ({ label }: KeySpec): Uint8Array => publicKeys[label] as Uint8Array;
  const sign = async (spec: KeySpec, bytes: Uint8Array) => (await pool.call('compute', { op: 'sign', spec, bytes })) as Uint8Array;
  return {
    identityKey: key(NODE_KEYS.identity),
    sealingKey: key(NODE_KEYS.sealing),
    tlsKey: key(NODE_KEYS.tls),
    description: {
      model: findings.model,
      manufacturer: findings.manufacturer,
      serial: findings.serial,
      profile: profile.name,
      class: profile.class,
      simulated: profile.simulated,
    },
    counters: countersOf(pool),
    get state() {
      return pool.state;
    },
    get moduleRestarts() {
      return pool.moduleRestarts;
    },
    get calls() {
      return pool.calls;
    },
    sign: (bytes) => sign(NODE_KEYS.identity, bytes),
    signWith: sign,
    open: async (sealed, context, publicShare) =>
      (await pool.call('compute', { op: 'open', share: { sealed, context, publicShare } })) as boolean,
    evaluate: async (sealed, context, element) =>
      (await pool.call('compute', { op: 'evaluate', share: { sealed, context }, element })) as Uint8Array,
    close: () => pool.close(),
  };
}

function countersOf(pool: Pool): CounterBank {
  const bank = (): BankState => {
    assert(pool.bank !== undefined, 'the writer proved the bank');
    return pool.bank;
  };
  const known = new KnownCounters();
  return {
    read: async (slot) => {
      const current = pool.state === 'up' ? known.of(slot) : undefined;
      return current ?? known.reading(slot, async () => (await pool.call('counters', { op: 'read', slot })) as Counters);
    },
    commit: (slot, counters) =>
      known.writing(slot, counters, async () => (await pool.call('counters', { op: 'commit', slot, counters })) as bigint),
    vouch: async () => {
      await pool.call('counters', { op: 'vouch' });
    },
    restart: async (above) => (await pool.call('counters', { op: 'restart', above })) as bigint,
    quarantine: async () => {
      await pool.call('counters', { op: 'quarantine' });
    },
    get sequence() {
      return bank().sequence;
    },
    get foundSequence() {
      return bank().foundSequence;
    },
    get vouchedSequence() {
      return bank().vouchedSequence;
    },
    get quarantined() {
      return bank().quarantined;
    },
    get hasRoom() {
      return bank().hasRoom;
    },
    get slots() {
      return bank().slots;
    },
  };
}

/** A token that holds signing keys and counts nothing: release, operator, witness, log. */
export interface Signers {
  /** 33-byte compressed P-256 points, or 32-byte Ed25519 keys, in the order in which they were asked for. */
  readonly publicKeys: readonly Uint8Array[];
  /** As of a `Token`. */
  readonly state: Token['state'];
  readonly moduleRestarts: number;
  sign(signingKey: KeySpec, bytes: Uint8Array): Promise<Uint8Array>;
  /** Resolves once the token holds the value under this name, in place of any before (kept.ts). */
  keep(name: string, value: Uint8Array): Promise<void>;
  /** What it holds under this name: one value, two after a crash, or none. */
  kept(name: string): Promise<readonly Uint8Array[]>;
  close(): Promise<void>;
}

/** @throws like `openToken`. */
export async function openSigners(config: TokenConfig, signingKeys: readonly KeySpec[]): Promise<Signers> {
  const pool = await Pool.open({ ...DEFAULTS, ...config, workers: 1, keys: signingKeys, node: false });
  const publicKeys = signingKeys.map(
    ({ label }) => pool.first.publicKeys?.[label] ?? fail('token-unsuitable', 'the key in the token is not a signing key', { label }),
  );
  return {
    publicKeys,
    get state() {
      return pool.state;
    },
    get moduleRestarts() {
      return pool.moduleRestarts;
    },
    sign: async (spec, bytes) => (await pool.call('compute', { op: 'sign', spec, bytes })) as Uint8Array,
    keep: async (name, value) => {
      await pool.call('compute', { op: 'keep', name, value });
    },
    kept: async (name) => (await pool.call('compute', { op: 'kept', name })) as readonly Uint8Array[],
    close: () => pool.close(),
  };
}

export interface Signer {
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** One key alone. @throws like `openToken`. */
export async function openSigner(config: TokenConfig, signingKey: KeySpec): Promise<Signer> {
  const { publicKeys, sign, close } = await openSigners(config, [signingKey]);
  return { publicKey: publicKeys[0] as Uint8Array, sign: (bytes) => sign(signingKey, bytes), close };
}
