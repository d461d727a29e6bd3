/**
 * Asks each other node for the bundle it serves, so that an operator who reaches one node has reached the fleet. What a peer
 * tells is weighed as a stranger's offer would be.
 */
import { type Id, NO_ID } from '../../base/bytes.ts';
import { type Code, HoldfastError } from '../../base/errors.ts';
import type { Peers } from '../../web/peer-client.ts';
import type { PublicationPort } from '../../web/ports.ts';
import type { Trace } from '../trace.ts';
import { type Loop, startLoop } from './loop.ts';

export interface BundleTask {
  readonly publication: PublicationPort;
  readonly peers: Pick<Peers, 'bundle'>;
  readonly fellows: readonly Id[];
  readonly intervalMs: number;
  readonly limitMs: number;
  readonly trace: Trace;
}

/** This node's is newer: the peer will ask for it. */
const OLDER: Code = 'superseded';

export function startBundleTask({ publication, peers, fellows, intervalMs, limitMs, trace }: BundleTask): Loop {
  /** Of each, the bundle that was refused: it is not weighed again, nor traced again. */
  const refused = new Map<Id, string>();
  const ask = async (peer: Id, stop: AbortSignal): Promise<void> => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(limitMs)]);
    const text = await peers.bundle(peer, publication.served?.digest ?? NO_ID, signal).catch(() => undefined);
    if (text === undefined || refused.get(peer) === text) return;
    try {
      if (await publication.offer(text)) trace('bundle-taken', { peer });
    } catch (error) {
      // This node's own trouble passes, and the bundle is asked for again.
      if (!(error instanceof HoldfastError) || error.code === 'overloaded') throw error;
      refused.set(peer, text);
      if (error.code !== OLDER) trace('proof-refused', { peer, code: error.code, why: error.message });
    }
  };
  const turn = async (stop: AbortSignal): Promise<number> => {
    for (const peer of fellows) if (!stop.aborted) await ask(peer, stop);
    return intervalMs;
  };
  return startLoop(
    turn,
    (error) => trace('task-failed', { task: 'bundle', why: error instanceof Error ? error.message : 'unknown' }),
    intervalMs,
  );
}
