/**
 * Certified attempts beside writes of etcd, in the same run: as many members, TLS between them and to clients, every write on the
 * disks of a majority before it is acknowledged. The two do different work (an attempt is also counted by tokens, signed, verified
 * and evaluated), so the ratio tells what that costs over agreeing alone.
 */
import { join } from 'node:path';
import { Child } from './child.ts';
import { temporaryFolder } from './closing.ts';
import { DevelopmentFleet } from './development-fleet.ts';
import { moduleAt } from './distant.ts';
import { hasEtcd, startEtcd, write } from './etcd-cluster.ts';
import { type FleetLoad, peopleOf } from './fleet-recoveries.ts';
import { type Loaded, load } from './load.ts';
import { percentile, report, round, tell } from './report.ts';

/** As long as a vote. */
const VALUE = 'v'.repeat(250);

interface Measured extends Loaded {
  readonly cpuSeconds: number;
}

export async function etcd(how: FleetLoad): Promise<void> {
  if (!hasEtcd()) {
    tell('etcd is skipped: as root, apt-get install etcd-server openssl (and systemctl disable --now etcd)');
    return;
  }
  const { nodes, inFlight } = how;
  const writes = await etcdWrites(how);
  const attempts = await fleetAttempts(how);
  const failed = { ...writes.failed, ...attempts.failed };
  if (Object.keys(failed).length > 0) throw new Error(`calls failed: ${JSON.stringify(failed)}`);
  const perSecond = ({ done, seconds }: Loaded) => done / seconds;
  const cpuMsEach = ({ cpuSeconds, done }: Measured) => (1000 * cpuSeconds) / done;
  report('etcd', {
    nodes,
    inFlight,
    etcdWritesPerSecond: round(perSecond(writes)),
    attemptsPerSecond: round(perSecond(attempts)),
    ofEtcd: round(perSecond(attempts) / perSecond(writes)),
    etcdCpuMsEach: round(cpuMsEach(writes)),
    nodeCpuMsEach: round(cpuMsEach(attempts)),
    etcdP50Ms: percentile(writes.latenciesMs, 0.5),
    etcdP99Ms: percentile(writes.latenciesMs, 0.99),
    p50Ms: percentile(attempts.latenciesMs, 0.5),
    p99Ms: percentile(attempts.latenciesMs, 0.99),
    seconds: round(attempts.seconds),
  });
}

async function etcdWrites({ nodes, inFlight, durationMs }: FleetLoad): Promise<Measured> {
  tell(`${nodes} members of etcd`);
  const { folder, remove } = temporaryFolder();
  const cluster = await startEtcd(join(folder, 'etcd'), nodes, inFlight);
  try {
    const { pools } = cluster;
    let count = 0;
    const next = (worker: number) => () => write(pools[worker % pools.length] as (typeof pools)[number], `slot ${count++}`, VALUE);
    await load(inFlight, next, durationMs / 4);
    const before = cluster.cpuSeconds();
    const loaded = await load(inFlight, next, durationMs);
    return { ...loaded, cpuSeconds: cluster.cpuSeconds() - before };
  } finally {
    await cluster.close();
    await remove();
  }
}

async function fleetAttempts(how: FleetLoad): Promise<Measured> {
  const at = await DevelopmentFleet.make(how.nodes, moduleAt(how.deviceMs));
  try {
    await at.up();
    const clients = Child.start(new URL('./clients-process.ts', import.meta.url));
    await clients.call('prepare', peopleOf(at, { ...how, raw: true }));
    tell('they register');
    await clients.call('register', { inFlight: how.inFlight });
    await clients.call('attempt', { inFlight: how.inFlight, durationMs: how.durationMs / 4 });
    tell(`they guess, ${how.durationMs / 400} s`);
    const before = at.spent().nodes;
    const loaded = await clients.call<Loaded>('attempt', { inFlight: how.inFlight, durationMs: how.durationMs });
    const cpuSeconds = at.spent().nodes - before;
    await clients.end();
    return { ...loaded, cpuSeconds };
  } finally {
    await at.remove();
  }
}
