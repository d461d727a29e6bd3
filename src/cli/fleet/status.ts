/** What a fleet on this machine is doing: which processes run, and what each says of itself when it is asked. */
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { FILES } from '../../ceremony/development-site.ts';
import { type FleetLayout, type Member, membersOf } from './layout.ts';
import { pidOf } from './processes.ts';

export interface MemberStatus {
  readonly name: string;
  /** Absent: it does not run. */
  readonly pid?: number;
  readonly ready: boolean;
  /** Why it is not ready, in its own words or ours. */
  readonly why?: string;
  readonly url: string;
  /** Of a node. */
  readonly standing?: string | undefined;
  /** Of its token: its last commit; only ever rises while the node runs. */
  readonly sequence?: string;
  /** Nodes that it heard of lately, itself included. */
  readonly inReach?: number | undefined;
  readonly quorum?: number | undefined;
  /** Of the code that a node says it runs; zeros in development. */
  readonly measurement?: string | undefined;
}

export interface FleetStatus {
  readonly folder: string;
  readonly entryFile: string;
  /** What clients pin of a fleet whose keys come over the air. */
  readonly rootFile?: string;
  readonly authorityFile: string;
  readonly members: readonly MemberStatus[];
}

/** A member on this machine that takes longer is not well. */
const ANSWER_MS = 2000;

export async function fleetStatus(layout: FleetLayout): Promise<FleetStatus> {
  const agent = new Agent({ connect: { ca: layout.authority }, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
  try {
    const members = await Promise.all(membersOf(layout).map((member) => memberStatus(member, agent)));
    return {
      folder: layout.folder,
      entryFile: join(layout.folder, FILES.entry),
      ...(layout.vouchers.length > 0 && { rootFile: join(layout.folder, FILES.root) }),
      authorityFile: join(layout.folder, FILES.authority),
      members,
    };
  } finally {
    await agent.close();
  }
}

/** What both nodes (api/bodies.ts, `readiness`) and the account service answer, as far as it is shown. */
const answer = z.object({
  standing: z.string().optional(),
  inReach: z.int().optional(),
  quorum: z.int().optional(),
  measurement: z.string().optional(),
});

async function memberStatus(member: Member, agent: Agent): Promise<MemberStatus> {
  const { name, url } = member;
  const pid = pidOf(member);
  if (pid === undefined) return { name, ready: false, why: 'it does not run', url };
  try {
    const { status, text } = await get(member.ready, agent);
    const sequence = member.metrics === undefined ? undefined : sequenceIn((await get(member.metrics, agent)).text);
    return { name, pid, ready: status === 200, url, ...answer.parse(JSON.parse(text)), ...(sequence && { sequence }) };
  } catch (error) {
    return { name, pid, ready: false, why: `it does not answer: ${(error as Error).message}`, url };
  }
}

async function get(url: string, agent: Agent): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(url, { dispatcher: agent, signal: AbortSignal.timeout(ANSWER_MS) });
  return { status: statusCode, text: await body.text() };
}

function sequenceIn(metrics: string): string | undefined {
  return /^holdfast_commit_sequence (\d+)$/m.exec(metrics)?.[1];
}
