/**
 * A whole fleet under load: registrations and recoveries per second through the public interface, as a share of what the tokens
 * alone can do (token-ceiling.ts, before and after, since other programs share the machine), and where the time goes.
 */
import { readFileSync } from 'node:fs';
import { Child } from './child.ts';
import type { People } from './clients-process.ts';
import { DevelopmentFleet } from './development-fleet.ts';
import { moduleAt } from './distant.ts';
import type { Loaded } from './load.ts';
import { cpuSeconds } from './proc.ts';
import { percentile, report, round, tell } from './report.ts';
import { type Ceiling, tokenCeiling } from './token-ceiling.ts';

export interface FleetLoad {
  readonly nodes: number;
  readonly accounts: number;
  readonly inFlight: number;
  readonly durationMs: number;
  readonly ceilingMs: number;
  /** Raw clients cost next to nothing (raw-client.ts); else the real one. */
  readonly raw: boolean;
  /** How much later than SoftHSM the tokens answer. */
  readonly deviceMs: number;
  readonly profileInto?: string | undefined;
}

interface Phase {
  readonly loaded: Loaded;
  readonly cpu: { readonly nodes: number; readonly clients: number; readonly accounts: number };
  readonly commitsPerNode: number;
  readonly objectsMade: number;
}

/** Fails when anything that was asked of the fleet failed: a rate of failures is no rate. */
export async function fleetRecoveries(how: FleetLoad): Promise<void> {
  const { nodes, accounts, inFlight, durationMs, ceilingMs, raw, deviceMs, profileInto } = how;
  const at = await DevelopmentFleet.make(nodes, moduleAt(deviceMs));
  try {
    const before = await tokenCeiling(at, ceilingMs);
    await at.up(profileInto);
    const clients = Child.start(new URL('./clients-process.ts', import.meta.url));
    tell(`${accounts} people prepare`);
    await clients.call('prepare', peopleOf(at, how));
    tell('they register');
    const registering = await measured(at, clients, 'register', { inFlight });
    // Warm-up: connections, compiled code.
    await clients.call('recover', { inFlight, durationMs: Math.max(1000, durationMs / 4) });
    tell(`they recover, ${durationMs / 1000} s`);
    const recovering = await measured(at, clients, 'recover', { inFlight, durationMs });
    const residentMiB = at.residentMiB();
    await clients.end();
    await at.down();
    const after = await tokenCeiling(at, ceilingMs);
    const ceiling = {
      perSecond: (before.perSecond + after.perSecond) / 2,
      cpuMsEach: (before.cpuMsEach + after.cpuMsEach) / 2,
    };
    const common = { nodes, clients: raw ? 'raw' : 'full', inFlight, accounts, deviceMs };
    report('fleet-registrations', { ...common, ...figuresOf(registering, ceiling, 'registrations') });
    report('fleet-recoveries', { ...common, ...figuresOf(recovering, ceiling, 'recoveries'), residentMiB });
    const failed = { ...registering.loaded.failed, ...recovering.loaded.failed };
    if (Object.keys(failed).length > 0) throw new Error(`calls failed: ${JSON.stringify(failed)}`);
  } finally {
    await at.remove();
  }
}

export function peopleOf({ profile }: DevelopmentFleet, { accounts, inFlight, raw }: FleetLoad): People {
  return {
    entryLine: readFileSync(profile.entryFile, 'utf8'),
    authority: readFileSync(profile.caFile, 'utf8'),
    tenant: profile.tenant,
    accounts: profile.accounts,
    connections: inFlight,
    users: Array.from({ length: accounts }, (_, i) => `person-${i}`),
    raw,
  };
}

async function measured(at: DevelopmentFleet, clients: Child, call: string, argument: object): Promise<Phase> {
  const commits = await at.commits();
  const spent = at.spent();
  const clientsSpent = cpuSeconds(clients.pid);
  const objects = at.watchObjects();
  const loaded = await clients.call<Loaded>(call, argument);
  const after = at.spent();
  const made = objects.made();
  const commitsAfter = await at.commits();
  return {
    loaded,
    cpu: { nodes: after.nodes - spent.nodes, accounts: after.accounts - spent.accounts, clients: cpuSeconds(clients.pid) - clientsSpent },
    commitsPerNode: commitsAfter.reduce((sum, commit, i) => sum + commit - (commits[i] ?? 0), 0) / commits.length,
    objectsMade: made,
  };
}

function figuresOf({ loaded, cpu, commitsPerNode, objectsMade }: Phase, ceiling: Ceiling, what: string): object {
  const { done, seconds, latenciesMs, failed } = loaded;
  const perSecond = done / seconds;
  return {
    [`${what}PerSecond`]: round(perSecond),
    ofCeiling: round(perSecond / ceiling.perSecond),
    cpuOfCeiling: round((ceiling.cpuMsEach * done) / (1000 * cpu.nodes)),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    [what]: done,
    seconds: round(seconds),
    failed: Object.values(failed).reduce((sum, count) => sum + count, 0),
    cpuSeconds: { nodes: round(cpu.nodes), clients: round(cpu.clients), accounts: round(cpu.accounts) },
    nodeCpuMsEach: round((1000 * cpu.nodes) / done),
    clientCpuMsEach: round((1000 * cpu.clients) / done),
    commitsEach: round(commitsPerNode / done),
    tokenObjectsPerCommit: round(objectsMade / commitsPerNode),
  };
}
