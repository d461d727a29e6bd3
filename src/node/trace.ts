/**
 * Diagnostics, for operators: words and numbers, never a secret, never a client's pass. A trace says nothing that depends on
 * whether a guess was right (law 3).
 */
export type Trace = (what: TraceWord, fields: Readonly<Record<string, string | number | boolean>>) => void;

export type TraceWord =
  /** A row of the store does not parse or does not prove itself; catch-up heals it. */
  | 'store-not-believed'
  /** A member could not be reached or its answer makes no sense. */
  | 'peer-unreachable'
  /** A peer told what does not verify: it is wrong, or lies. */
  | 'proof-refused'
  /** A newer bundle of the fleet's keys came from a peer. */
  | 'bundle-taken'
  | 'rejoined'
  /** This token was rolled back: it is quarantined for good. */
  | 'rolled-back'
  | 'start-lost'
  /** The records that were lost were read from enough others. */
  | 'healed'
  | 'rejoin-undecided'
  | 'locked'
  | 'lock-postponed'
  | 'erased'
  /** A peer says that it runs code which the fleet entry does not permit (code.ts). */
  | 'peer-runs-other-code'
  /** A task failed and will run again. */
  | 'task-failed';
