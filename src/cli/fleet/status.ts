/** What a fleet on this machine is doing: which processes run, and what each says of itself when it is asked. */
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { FleetLayout, Member } from './layout.ts';
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
  readonly standing?: string;
  readonly sequence?: string;
  readonly peers?: { readonly heard: number; readonly of: number };
}

export interface FleetStatus {
  readonly folder: string;
  readonly entryFile: string;
  readonly authorityFile: string;
  readonly members: readonly MemberStatus[];
}

/** A member on this machine that takes longer is not well. */
const ANSWER_MS = 2000;

export async function fleetStatus(layout: FleetLayout): Promise<FleetStatus> {
  const agent = new Agent({ connect: { ca: layout.authority }, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
  try {
    const members = await Promise.all([...layout.nodes, layout.accounts].map((member) => memberStatus(member, agent)));
    return {
      folder: layout.folder,
      entryFile: join(layout.folder, 'fleet-entry.json'),
      authorityFile: join(layout.folder, 'ca.pem'),
      members,
    };
  } finally {
    await agent.close();
  }
}

const answer = z.object({
  standing: z.string().optional(),
  sequence: z.string().optional(),
  peers: z.array(z.object({ heardMs: z.number().optional() })).optional(),
});

async function memberStatus(member: Member, agent: Agent): Promise<MemberStatus> {
  const { name, url } = member;
  const pid = pidOf(member);
  if (pid === undefined) return { name, ready: false, why: 'it does not run', url };
  try {
    const { statusCode, body } = await request(`${url}/ready`, { dispatcher: agent, signal: AbortSignal.timeout(ANSWER_MS) });
    const { standing, sequence, peers } = answer.parse(JSON.parse(await body.text()));
    return {
      name,
      pid,
      ready: statusCode === 200,
      url,
      ...(standing && { standing }),
      ...(sequence && { sequence }),
      ...(peers && { peers: { heard: peers.filter(({ heardMs }) => heardMs !== undefined).length, of: peers.length } }),
    };
  } catch (error) {
    return { name, pid, ready: false, why: `it does not answer: ${(error as Error).message}`, url };
  }
}
