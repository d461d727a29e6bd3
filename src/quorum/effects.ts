/**
 * How a protocol machine asks for what it may not do itself. A machine is a generator: it yields an effect and is resumed
 * with the result. A node drives it with its token and store, a test with simulated ones that may die at any yield; the
 * machine cannot tell. A machine of one slot runs alone on that slot: the driver keeps the order.
 */
import type { Id } from '../base/bytes.ts';
import type { Registration } from '../vault/registration.ts';
import type { Signed } from '../wire/signed.ts';
import type { Counters } from './counters.ts';
import type { AccountEvent, Evidence, SlotRecord } from './record.ts';

/**
 * Whether this member votes (member/rollback.ts). `full`: it does. `none`: it has started and does not yet know whether its
 * token was rolled back. Otherwise it was, and it votes only on generations that came to be after these sequences of the
 * other members: its counters are complete for those.
 */
export type VotingStanding = 'full' | 'none' | { readonly newSince: ReadonlyMap<Id, bigint> };

/** What a member knows of a slot at one moment. */
export interface View {
  readonly counters: Counters;
  readonly record: SlotRecord | undefined;
  /** The last durable commit sequence. */
  readonly sequence: bigint;
  readonly standing: VotingStanding;
  /**
   * How long ago this member last counted a guess in this slot, at least, by a clock that nobody can set (member/wait.ts). What came
   * before its process began is taken to be as late as that.
   */
  readonly sinceCountedMs: number;
  /** The token has room for a slot it does not know yet. */
  readonly hasRoom: boolean;
}

interface Results {
  /** Token and store are read. */
  load: { slot: Id; result: View };
  /** Resumed once the counters are durable in the token; the result is the commit sequence. */
  commit: { slot: Id; counters: Counters; result: bigint };
  /** Resumed once record and event are durable in the store. */
  save: { slot: Id; record: SlotRecord; event?: Omit<AccountEvent, 'time' | 'account' | 'slot'>; result: undefined };
  /** This member's share is opened in the token and matched with its public share. */
  open: { registration: Registration; result: boolean };
  /** The element times this member's share, 33 bytes, computed in the token. */
  evaluate: { registration: Registration; element: Uint8Array; result: Uint8Array };
  /** Signed with this member's identity key in the token. */
  sign: { bytes: Uint8Array; result: Uint8Array };
  /** The account's latest events in this member's store, newest first. */
  events: { account: Id; result: readonly AccountEvent[] };
  /** The highest commit sequence ever seen of another member, or of what is kept under an id of its own beside it (`startsOf`). */
  seen: { node: Id; result: bigint };
  /** Durable once resumed; keeps the highest, with the statement that shows it. */
  saw: { evidence: readonly Evidence[]; result: undefined };
  /** Every statement that is kept so. */
  memory: { result: readonly Signed[] };
}

export type EffectKind = keyof Results;
export type Effect = { [K in EffectKind]: { readonly kind: K } & Omit<Results[K], 'result'> }[EffectKind];
export type ResultOf<K extends EffectKind> = Results[K]['result'];

/** A machine that returns T. */
export type Machine<T> = Generator<Effect, T, unknown>;

export function* perform<K extends EffectKind>(kind: K, of: Omit<Results[K], 'result'>): Machine<ResultOf<K>> {
  return (yield { kind, ...of } as unknown as Effect) as ResultOf<K>;
}
