/** The machines that a simulated node and its coordinator run: the real ones, unless a test plants a fault in one. */
import type { Fleet } from '../../src/fleet/fleet.ts';
import { coordinateAttempt } from '../../src/quorum/coordinator/attempt.ts';
import { coordinateLock } from '../../src/quorum/coordinator/lock.ts';
import { rejoin } from '../../src/quorum/coordinator/rejoin.ts';
import { cancel } from '../../src/quorum/member/cancel.ts';
import { learn } from '../../src/quorum/member/learn.ts';
import { erase } from '../../src/quorum/member/lock.ts';
import { reply } from '../../src/quorum/member/member.ts';

export interface Machines {
  readonly reply: typeof reply;
  readonly learn: typeof learn;
  readonly cancel: typeof cancel;
  readonly erase: typeof erase;
  readonly rejoin: typeof rejoin;
  readonly coordinateAttempt: typeof coordinateAttempt;
  readonly coordinateLock: typeof coordinateLock;
  /** What a device takes for the fleet: how many reports a number needs follows from it. */
  readonly fleetOfClients: (fleet: Fleet) => Fleet;
  /** Whether tokens remember, over several starts, what was last vouched for. */
  readonly remembersVouched: boolean;
  /** Whether a member hears the others' confirmations before it states a lock. */
  readonly asksBeforeLock: boolean;
}

export const REAL: Machines = {
  reply,
  learn,
  cancel,
  erase,
  rejoin,
  coordinateAttempt,
  coordinateLock,
  fleetOfClients: (fleet) => fleet,
  remembersVouched: true,
  asksBeforeLock: true,
};
