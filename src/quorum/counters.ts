/**
 * What a member's token remembers of one slot, and how it may change. Nothing here ever goes down within a generation;
 * what has no room left saturates and refuses.
 */

/** Numbers are unsigned 32-bit. */
export interface Counters {
  /** Highest generation this member voted for. */
  readonly voted: number;
  /** The generation in force; 0 for none. */
  readonly active: number;
  /** Highest attempt number counted in this generation. */
  readonly tried: number;
  /** Highest attempt number confirmed as a success in this generation. */
  readonly cleared: number;
  /** A lock statement was signed: no confirmation of this generation is accepted any more, unless a quorum acknowledged it. */
  readonly locked: boolean;
}

/** Of a slot that was never heard of. */
export const NEW_COUNTERS: Counters = { voted: 0, active: 0, tried: 0, cleared: 0, locked: false };

/** How far ahead of its own `voted` a member follows a client: see docs/design.md, "Choosing numbers". */
export const GENERATION_STEP = 16;

/**
 * How far ahead of its own number a member follows a client where numbers are plenty: with somebody's login it takes more than
 * thirty million requests to use up a recovery code, which must never be destroyed.
 */
const STEP_MAX = 64;
/** A way in with more guesses than this cannot be guessed (vault/policy.ts). */
const GUESSABLE_MAX = 0xffff;

/** How far ahead of its own number a member follows a client's word: 1 where numbers are guesses that the owner must not lose. */
export function stepOf(guesses: number): number {
  return guesses > GUESSABLE_MAX ? STEP_MAX : 1;
}

export function afterVote(counters: Counters, generation: number): Counters {
  return { ...counters, voted: generation };
}

/** One value, never field by field: counters of an older generation mean nothing in a newer one. */
export function afterActivation(counters: Counters, generation: number): Counters {
  return { voted: Math.max(counters.voted, generation), active: generation, tried: 0, cleared: 0, locked: false };
}

export function afterTry(counters: Counters, attempt: number): Counters {
  return { ...counters, tried: Math.max(counters.tried, attempt) };
}

export function afterConfirmation(counters: Counters, attempt: number): Counters {
  return { ...afterTry(counters, attempt), cleared: Math.max(counters.cleared, attempt) };
}

/** A success that a quorum acknowledged: no lock's certificate can come, so this member's own statement ends. */
export function afterUnlock(counters: Counters, attempt: number): Counters {
  return { ...afterConfirmation(counters, attempt), locked: false };
}

export function exhausted(counters: Counters, guesses: number): boolean {
  return counters.tried >= counters.cleared + guesses;
}

/**
 * Law 1: a vote is for a number never used here, within the budget after the last success. Which of these numbers a member
 * votes for now is decided in member/next-number.ts; a number that a quorum has counted is taken however far ahead it is.
 */
export function mayTry(counters: Counters, attempt: number, guesses: number): boolean {
  return counters.tried < attempt && attempt <= counters.cleared + guesses;
}

/** Answering is counted too: a certified attempt is answered only while no later one was counted here. */
export function mayAnswer(counters: Counters, attempt: number, guesses: number): boolean {
  return counters.tried <= attempt && attempt <= counters.cleared + guesses;
}
