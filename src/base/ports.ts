/** What every composition supplies and every test may replace: time and randomness. */

/** Milliseconds since 1970, UTC. */
export type Clock = () => number;

/** Cryptographically strong random bytes. */
export type Random = (length: number) => Uint8Array;

export const systemClock: Clock = () => Date.now();

export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));
