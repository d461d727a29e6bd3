/** How things are called to people. */
import type { Heard } from '../quorum/client/effects.ts';
import type { WayIn, WayKind } from '../vault/slot.ts';

const NAMES: Readonly<Record<WayKind, string>> = { passcode: 'passcode', 'recovery-code': 'recovery code', passkey: 'passkey' };

export function nameOf({ kind }: WayIn): string {
  return NAMES[kind];
}

/** Why nodes refused, each reason once; one of a later release by its own name. */
export function codesOf(refusals: Heard['refused']): readonly string[] {
  const names = refusals.map(({ refusal: { refused, evidence } }) =>
    refused === 'unrecognised' ? `${refused} (${evidence?.['code'] ?? 'unnamed'})` : refused,
  );
  return [...new Set(names)];
}

const BY_THE_SECOND = 120;

/** `in 4 minutes, at 14:05`, by this device's clock and in its time zone. */
export function describeWait(seconds: number, nowMs: number): string {
  const at = new Date(nowMs + seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const time = seconds < BY_THE_SECOND ? `${minute}:${two(at.getSeconds())}` : minute;
  const today = new Date(nowMs).toDateString() === at.toDateString();
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `;
  return `in ${describeSeconds(seconds)}, at ${today ? '' : date}${time}`;
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
