/** A whole fleet brought up and taken down. Called by the command line, the demonstration and tests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import type { Progress } from '../../ceremony/perform.ts';
import { keepPublished } from './keep-published.ts';
import { type FleetLayout, type Member, membersOf, requireLayout } from './layout.ts';
import { type Mode, makeFleetIn } from './make.ts';
import { lastWords, pidOf, type Stopped, start, stop, traceFile } from './processes.ts';
import { type FleetStatus, fleetStatus, type MemberStatus } from './status.ts';

const POLL_MS = 250;
/** A node proves its counters and asks its peers about them before it is ready: seconds on a busy machine. */
const READY_MS = 60_000;
/** A single node may have to wait for others that are down, for as long as they are: that is not its failure. */
const ALONE_MS = 15_000;

export interface BringingUp {
  /** Of a new fleet. */
  readonly size?: number | undefined;
  /** Of a new fleet. */
  readonly mode: Mode;
  /** Told the steps of the ceremony. */
  readonly report: (progress: Progress) => void;
  /** Told what is published, line by line. */
  readonly say: (line: string) => void;
}

/**
 * Makes the fleet where there is none, starts what does not run, waits until all are ready. Run again, it changes nothing.
 * @param folder absolute
 * @throws `timeout` naming a member that does not become ready, `configuration` with the last words of one that ended
 */
export async function bringUp(folder: string, { size, mode, report, say }: BringingUp): Promise<FleetStatus> {
  await makeFleetIn(folder, size, report, mode);
  const layout = requireLayout(folder);
  const members = membersOf(layout);
  for (const member of members) start(member);
  const status = await ready(layout, members);
  if (layout.vouchers.length > 0) await keepPublished(layout, say);
  return status;
}

/** One member; the others may be down. */
export async function startOne(layout: FleetLayout, member: Member): Promise<FleetStatus> {
  start(member);
  return ready(layout, [member], ALONE_MS);
}

/** @param aloneMs how long a node that only waits for others is waited for; with all of them started there is nobody to wait for */
async function ready(layout: FleetLayout, awaited: readonly Member[], aloneMs = Number.POSITIVE_INFINITY): Promise<FleetStatus> {
  const beganMs = systemClock();
  for (;;) {
    const ended = awaited.find((member) => pidOf(member) === undefined);
    if (ended !== undefined) fail('configuration', `${ended.name} ended at its start: ${lastWords(ended)}`, { trace: traceFile(ended) });
    const status = await fleetStatus(layout);
    const spentMs = systemClock() - beganMs;
    const waiting = status.members.find((one) => awaited.some(({ name }) => name === one.name) && !isSettled(one, spentMs > aloneMs));
    if (waiting === undefined) return status;
    if (spentMs > READY_MS)
      fail('timeout', `${waiting.name} does not become ready: ${waiting.why ?? waiting.standing ?? 'it does not say why'}`);
    await sleep(POLL_MS);
  }
}

/** Ready; or for good without a vote, though it answers; or, after a while, waiting for others to tell what they know of its token. */
function isSettled({ ready: isReady, standing }: MemberStatus, patienceIsOver: boolean): boolean {
  return isReady || standing === 'quarantined' || (patienceIsOver && standing === 'starting');
}

/** Everything at once, asking first. */
export async function takeDown(folder: string): Promise<ReadonlyMap<string, Stopped>> {
  const members = membersOf(requireLayout(folder));
  const stopped = await Promise.all(members.map(async (member) => [member.name, await stop(member)] as const));
  return new Map(stopped);
}
