/**
 * The parameters of the slow hash between OPRF output and keys. They stand in the registration, so they come from outside
 * whenever a key is recovered, and are bounded both ways by client and node: too little would weaken an account without
 * its owner seeing it, too much would make it impossible to open.
 *
 * What Argon2id is worth here: the fleet allows ten guesses, whatever a guess costs. Only somebody with t tokens at
 * their command guesses offline, and then a guess costs what these parameters say. For a random six-digit PIN no
 * parameters are enough; for a good password they are.
 */
import { fail } from '../base/errors.ts';

export type KdfParameters =
  | {
      readonly kind: 'argon2id';
      readonly memoryKiB: number;
      /** RFC 9106 calls it t, the number of passes. */
      readonly passes: number;
      /** RFC 9106 calls it p, the number of lanes. */
      readonly parallelism: number;
    }
  /** For recovery codes and passkeys: with 128 random bits and more there is nothing to slow down. */
  | { readonly kind: 'none' };

export type Argon2idParameters = Extract<KdfParameters, { kind: 'argon2id' }>;

/** RFC 9106, section 4, second recommended option: for where memory is scarce, as on a phone. */
export const DEFAULT_KDF: Argon2idParameters = { kind: 'argon2id', memoryKiB: 64 * 1024, passes: 3, parallelism: 4 };

/**
 * 8 MiB and one pass: far above what a GPU core's cache holds, and still about 0.1 s in plain JavaScript, so that tests
 * and weak devices can do it. Below that Argon2id would be a name only.
 */
export const KDF_MIN: Argon2idParameters = { kind: 'argon2id', memoryKiB: 8 * 1024, passes: 1, parallelism: 1 };

/**
 * 512 MiB: a tab of a browser on a phone is killed beyond. Ten passes: with 512 MiB that is half a minute in plain JavaScript.
 * Four lanes: RFC 9106, section 4, recommends as many, and more help the owner's few cores less than an attacker's many.
 */
export const KDF_MAX: Argon2idParameters = { kind: 'argon2id', memoryKiB: 512 * 1024, passes: 10, parallelism: 4 };

/** @throws `malformed` unless every parameter is an integer within `KDF_MIN` and `KDF_MAX`. */
export function checkKdfParameters(parameters: KdfParameters): void {
  if (parameters.kind === 'none') return;
  for (const name of ['memoryKiB', 'passes', 'parallelism'] as const) {
    const got = parameters[name];
    if (!Number.isInteger(got) || got < KDF_MIN[name] || got > KDF_MAX[name]) {
      fail('malformed', `${name} is out of bounds`, { got, min: KDF_MIN[name], max: KDF_MAX[name] });
    }
  }
}
