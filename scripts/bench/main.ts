/**
 * How fast is it, as ratios on this machine: figures as JSON lines on stdout, progress on stderr. docs/bench.md says what each
 * figure means.
 *
 *   npm run bench -- [--quick] [--long] [--only NAME] [--raw-clients] [--nodes N,N] [--slots N,N] [--seconds S]
 *     [--device-ms MS] [--cpu-prof FOLDER]
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backup } from './backup.ts';
import { closeAll } from './closing.ts';
import { DevelopmentFleet } from './development-fleet.ts';
import { moduleAt } from './distant.ts';
import { etcd } from './etcd.ts';
import { fleetRecoveries } from './fleet-recoveries.ts';
import { tell } from './report.ts';
import { slots } from './slots.ts';
import { tokenCeiling } from './token-ceiling.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    only: { type: 'string' },
    'raw-clients': { type: 'boolean', default: false },
    nodes: { type: 'string' },
    seconds: { type: 'string' },
    slots: { type: 'string' },
    'device-ms': { type: 'string' },
    'cpu-prof': { type: 'string' },
  },
});
const { quick, long, only } = values;
const sizes = values.nodes === undefined ? (quick ? [3] : [3, 5]) : values.nodes.split(',').map(Number);
const counts = values.slots?.split(',').map(Number) ?? (quick ? [500, 2_000] : long ? [10_000, 1_000_000] : [1_000, 10_000]);
const deviceMs = Number(values['device-ms'] ?? 0);
const durationMs = 1000 * Number(values.seconds ?? (quick ? 1 : 15));

async function ceilings(): Promise<void> {
  for (const size of sizes) {
    const at = await DevelopmentFleet.make(size, moduleAt(deviceMs));
    await tokenCeiling(at, durationMs).finally(() => at.remove());
  }
}

async function fleets(): Promise<void> {
  const profileInto = values['cpu-prof'] && resolve(values['cpu-prof']);
  const kinds = quick || values['raw-clients'] ? [true] : [true, false];
  for (const nodes of sizes) {
    for (const raw of kinds) {
      const scale = quick ? { accounts: 16, inFlight: 8 } : { accounts: 256, inFlight: 64 };
      await fleetRecoveries({ nodes, raw, deviceMs, ...scale, durationMs, ceilingMs: Math.max(1000, durationMs / 3), profileInto });
    }
  }
}

async function etcds(): Promise<void> {
  const scale = quick ? { accounts: 16, inFlight: 8 } : { accounts: 256, inFlight: 64 };
  for (const nodes of sizes) await etcd({ nodes, raw: true, deviceMs, ...scale, durationMs, ceilingMs: 0 });
}

const benches: Readonly<Record<string, () => Promise<void>>> = {
  'token-ceiling': ceilings,
  'fleet-recoveries': fleets,
  etcd: etcds,
  slots: () => slots(counts, durationMs),
  backup: () => backup(quick ? 32 : 512),
};

let interrupted = false;
// Interrupted, it leaves nothing running and nothing behind either.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    tell('interrupted, stopping');
    void closeAll().finally(() => process.exit(1));
  });
}

if (only !== undefined && benches[only] === undefined) {
  tell(`there is no ${only}: ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
} else {
  try {
    for (const [name, run] of Object.entries(benches)) {
      // With a fleet comes its ceiling.
      const part = only === undefined ? name !== 'token-ceiling' : name === only;
      if (part) await run();
    }
  } catch (error) {
    // What was ended in the middle fails, of course.
    if (!interrupted) tell(error instanceof Error ? String(error.stack) : String(error));
    process.exitCode = 1;
  } finally {
    await closeAll();
  }
}
