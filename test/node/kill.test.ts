import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TestFleet } from './fleet.ts';
import { Person } from './person.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make();
  await stop();
});
afterAll(() => fleet.close());

const all = [0, 1, 2];
const stop = () => Promise.all(all.map((node) => fleet.stop(node)));
const start = async () => {
  await Promise.all(all.map((node) => fleet.start(node)));
  await vi.waitFor(async () => {
    for (const node of all) expect((await fleet.service(node).health()).standing).toBe('voting');
  }, 10_000);
};

/** @returns per person how often each thing was said before the kill */
async function runAndKill(round: number, afterMs: number): Promise<Map<string, Record<string, number>>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'victim.ts'), JSON.stringify(fleet.state), `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'close').then(() => Promise.reject(new Error('it died by itself')))]);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  await once(child, 'close');
  const told = new Map<string, Record<string, number>>();
  for (const line of output.split('\n').slice(0, -1)) {
    const [name = '', what = ''] = line.split(' ');
    const of = told.get(name) ?? {};
    told.set(name, { ...of, [what]: (of[what] ?? 0) + 1 });
  }
  return told;
}

test('law 7: killed at any moment, all nodes at once, the fleet keeps what it told: deposits, and every guess', async () => {
  for (const [round, afterMs] of [150, 500, 1_200].entries()) {
    const told = await runAndKill(round, afterMs);
    await start();
    for (const [name, { deposited = 0, guessed = 0 }] of told) {
      const person = await Person.of(fleet, name);
      const { reports } = await person.status();
      const tried = reports.map((one) => one.tried).toSorted((a, b) => b - a);
      expect(tried[fleet.fleet.quorum - 1], `${name}: ${guessed} guesses were told`).toBeGreaterThanOrEqual(guessed);
      const { kind } = await person.recover('135790');
      if (deposited > 0) expect(kind, name).toBe('opened');
      else expect(['opened', 'nothing'], name).toContain(kind);
    }
    expect(fleet.traces.filter(({ what }) => what === 'store-not-believed' || what === 'rolled-back')).toEqual([]);
    await stop();
  }
}, 120_000);
