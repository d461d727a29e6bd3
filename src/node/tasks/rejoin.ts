/**
 * After its start this member asks the others whether its token was rolled back (quorum/coordinator/rejoin.ts), and until it
 * knows it does not vote. A token of class `device` keeps its counters in the device and votes at once; it is asked about all
 * the same, because a device can be restored too.
 *
 * In quarantine, what is new is measured from this start, not from when the quarantine began: the store could not prove that
 * what it remembers belongs to this quarantine and not to an earlier one.
 */
import type { Id } from '../../base/bytes.ts';
import type { Random } from '../../base/ports.ts';
import { rejoin } from '../../quorum/coordinator/rejoin.ts';
import type { VotingStanding } from '../../quorum/effects.ts';
import { takeIn } from '../../quorum/member/memory.ts';
import { say } from '../../quorum/member/standing.ts';
import type { Body, Driver } from '../drive.ts';
import { converse, type Floor } from '../talk.ts';

export interface Rejoining {
  readonly intervalMs: number;
  readonly limitMs: number;
  readonly random: Random;
  /** How many others must vouch. */
  readonly answers: number;
  /** Of the running code; peers compare it, nothing rests on it. */
  readonly measurement: Id;
  /** Called before others hear of a start: makes what the token wrote of it outlast a power cut, where it can. */
  readonly syncToken: () => void;
}

export function firstStanding(tokenClass: 'device' | 'host', quarantined: boolean): VotingStanding {
  return tokenClass === 'device' && !quarantined ? 'full' : 'none';
}

/** @returns a turn for `startLoop` */
export function rejoinTurn(body: Body, driver: Driver, floor: Floor, how: Rejoining): (stop: AbortSignal) => Promise<number | undefined> {
  const { fleet, self, token, store, verify, clock, trace } = body;
  const { foundSequence, vouchedSequence } = token.counters;
  const votesAtOnce = driver.standing === 'full';
  // A token that votes from the start makes commits that others see before anyone vouches for it.
  const found = votesAtOnce ? foundSequence : vouchedSequence;
  let { sequence: started } = token.counters;
  let synced: bigint | undefined;
  /** Lives of this process that are over: a lost start is followed by another one. */
  const lives: { readonly from: bigint; readonly to: bigint }[] = [];
  const isOwn = (sequence: bigint) =>
    (started <= sequence && sequence <= token.counters.sequence) || lives.some(({ from, to }) => from <= sequence && sequence <= to);
  const restart = async (above: bigint) => {
    lives.push({ from: started, to: token.counters.sequence });
    started = await token.counters.restart(above);
    trace('start-lost', { above: `${above}` });
  };
  const newSince = new Map<Id, bigint>();
  const others = fleet.nodes.length - 1;
  return async (stop) => {
    if (synced !== started) how.syncToken();
    synced = started;
    const fields = { nonce: how.random(32), found, started, measurement: how.measurement };
    const hello = await driver.run([], (member) => say(member, 'node/hello', fields));
    const patience = { startMs: clock(), lingerMs: 0, limitMs: how.limitMs };
    const asking = { self, hello, memory: await store.memory(), answers: how.answers, isOwn };
    const verdict = await converse(floor, rejoin(fleet, verify, asking, patience), stop);
    // Before anybody is vouched for here: what others remember, this member may have lost with its store.
    await driver.run([], (member) => takeIn(member, verdict.memory));
    driver.merged ||= verdict.newSince.size >= how.answers;
    if (verdict.kind === 'rolled-back' && !token.counters.quarantined) {
      await token.counters.quarantine();
      trace('rolled-back', { found: `${found}`, vote: `${verdict.vote.sequence}` });
    }
    // Else others would take no vote of it, not even on what is new (rule 2).
    if ('above' in verdict && verdict.above !== undefined) {
      await restart(verdict.above);
      if (verdict.kind === 'start-lost') return 0;
    }
    if (token.counters.quarantined) {
      // Of each member its first answer counts: later ones would only make fewer generations new.
      for (const [node, sequence] of verdict.newSince) if (!newSince.has(node)) newSince.set(node, sequence);
      driver.standing = { newSince: new Map(newSince) };
      return newSince.size < others ? how.intervalMs : undefined;
    }
    if (verdict.kind === 'rejoined') {
      await token.counters.vouch();
      driver.standing = 'full';
      trace('rejoined', { answered: verdict.newSince.size });
      return undefined;
    }
    trace('rejoin-undecided', { answered: verdict.newSince.size });
    return how.intervalMs;
  };
}
