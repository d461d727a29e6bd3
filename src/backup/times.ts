/** Times as pax records spell them (POSIX.1-2001, "pax Extended Header"): seconds since 1970, with a fraction, or a sign. */
import { fail } from '../base/errors.ts';

const NS_PER_SECOND = 1_000_000_000n;

export function spellSeconds(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  return `${ns < 0n ? '-' : ''}${size / NS_PER_SECOND}.${String(size % NS_PER_SECOND).padStart(9, '0')}`;
}

/**
 * In nanoseconds; what is below one is cut.
 * @throws `malformed`
 */
export function parseSeconds(text: string): bigint {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match === null) return fail('malformed', 'a time in the backup is no time');
  const size = BigInt(match[2] as string) * NS_PER_SECOND + BigInt((match[3] ?? '').padEnd(9, '0'));
  return match[1] === '-' ? -size : size;
}
