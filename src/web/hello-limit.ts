/**
 * How often one node may say hello: each answer costs a signature of the token and a write. (Attack: a node whose host is somebody
 * else's says hello without end, and no signature is left for votes.) A node that starts says it a few times at most.
 */
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';

const BURST = 8;
const PER_SECOND = 2;

/** @param clock milliseconds that nobody sets @returns throws `rate-limited` for a hello too many of this node */
export function limitHellos(clock: () => number = () => performance.now()): (node: Id) => void {
  const left = new Map<Id, { count: number; atMs: number }>();
  return (node) => {
    const now = clock();
    const before = left.get(node) ?? { count: BURST, atMs: now };
    const count = Math.min(BURST, before.count + ((now - before.atMs) * PER_SECOND) / 1000);
    if (count < 1) fail('rate-limited', `a node says hello at most ${PER_SECOND} times a second`, { secondsLeft: 1 });
    left.set(node, { count: count - 1, atMs: now });
  };
}
