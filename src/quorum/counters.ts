/**
 * What a node counts per slot, in its token (src/token) and nowhere else. Each number is an unsigned 32-bit integer
 * that saturates and refuses; none ever wraps. `tried`, `cleared` and `locked` belong to the generation in force.
 */
export interface Counters {
  /** Highest generation voted for. */
  readonly voted: number;
  /** Generation in force; 0: none. */
  readonly active: number;
  /** Highest attempt number. */
  readonly tried: number;
  /** Highest attempt number confirmed. */
  readonly cleared: number;
  /** A lock statement was signed: no confirmation is accepted any more for this generation. */
  readonly locked: boolean;
}

/** The counters of a slot that was never counted. */
export const NEW_COUNTERS: Counters = { voted: 0, active: 0, tried: 0, cleared: 0, locked: false };
