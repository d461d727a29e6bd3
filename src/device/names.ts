/** How things are called to people. */
import type { WayIn, WayKind } from '../vault/slot.ts';

const NAMES: Readonly<Record<WayKind, string>> = { passcode: 'passcode', 'recovery-code': 'recovery code', passkey: 'passkey' };

export function nameOf({ kind }: WayIn): string {
  return NAMES[kind];
}

/** Rounded up, in the largest unit that is not coarse. */
export function describeSeconds(seconds: number): string {
  for (const [unit, length] of [
    ['days', 86_400],
    ['hours', 3600],
    ['minutes', 60],
  ] as const) {
    if (seconds >= 2 * length) return `${Math.ceil(seconds / length)} ${unit}`;
  }
  return `${Math.ceil(seconds)} seconds`;
}
