/** What passes between the main thread and a token's worker threads: plain data that structured clone carries. */
import type { Id } from '../base/bytes.ts';
import { type Code, type Evidence, HoldfastError } from '../base/errors.ts';
import type { Counters } from '../quorum/counters.ts';
import type { BankState } from './bank/bank.ts';
import type { Findings } from './probe.ts';
import type { KeySpec } from './roles.ts';
import type { OpenCall, ShareCall, ShareSuite } from './share.ts';

/** Answered by any compute thread. */
export type ComputeCall =
  | { readonly op: 'sign'; readonly spec: KeySpec; readonly bytes: Uint8Array }
  | { readonly op: 'open'; readonly share: OpenCall }
  | { readonly op: 'evaluate'; readonly share: ShareCall; readonly element: Uint8Array }
  | { readonly op: 'keep'; readonly name: string; readonly value: Uint8Array }
  | { readonly op: 'kept'; readonly name: string };

/** Answered by the one writer. */
export type CounterCall =
  | { readonly op: 'read'; readonly slot: Id }
  | { readonly op: 'commit'; readonly slot: Id; readonly counters: Counters }
  | { readonly op: 'quarantine' }
  | { readonly op: 'vouch' }
  | { readonly op: 'restart'; readonly above: bigint };

export type Call = ComputeCall | CounterCall;
export type Value = Uint8Array | readonly Uint8Array[] | boolean | Counters | bigint;

/** Errors lose their class on the way between threads. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
  readonly evidence: Evidence;
}

export type CallOutcome = { readonly value: Value } | { readonly refused: Refusal };

/** `compute` probes, or takes the suite that another thread found, or only signs; `counters` proves the counter bank. */
export type ThreadPart =
  | { readonly role: 'compute'; readonly suite: ShareSuite | 'probe' | 'none'; readonly keys: readonly KeySpec[] }
  | { readonly role: 'counters' };

export interface ConnectRequest {
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  readonly initString: string | undefined;
  readonly profile: string | undefined;
  readonly part: ThreadPart;
  /** End the module first: the device went away. */
  readonly anew: boolean;
}

export interface Connected {
  readonly findings?: Omit<Findings, 'profile'> & { readonly profile: string };
  /** Public keys by label. */
  readonly publicKeys?: Readonly<Record<string, Uint8Array>>;
  readonly bank?: BankState;
}

export type Order =
  | { readonly kind: 'connect'; readonly request: ConnectRequest }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'run'; readonly calls: readonly Call[] };

export type Reply =
  | { readonly kind: 'connected'; readonly connected: Connected }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'ran'; readonly outcomes: readonly CallOutcome[]; readonly bank: BankState | undefined; readonly gone: boolean }
  | { readonly kind: 'failed'; readonly refused: Refusal };

export function toRefusal(error: unknown): Refusal {
  if (error instanceof HoldfastError) return { code: error.code, message: error.message, evidence: error.evidence };
  return { code: 'alarm', message: error instanceof Error ? error.message : 'a thread of the token threw', evidence: {} };
}

export function fromRefusal({ code, message, evidence }: Refusal): HoldfastError {
  return new HoldfastError(code, message, evidence);
}
