import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { PASSCODE, slotId } from '../../src/vault/slot.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-kill-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Runs a process that saves until it is killed. @returns the last acknowledged number per account digit. */
async function saveAndKill(from: number, afterMs: number): Promise<Map<string, number>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'victim.ts'), directory, `${from}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child.stdout, 'data');
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  await once(child, 'close');
  const acknowledged = new Map<string, number>();
  // What stands after the last line break was cut off by the kill.
  for (const line of output.split('\n').slice(0, -1)) {
    const [account = '', n] = line.split(' ');
    acknowledged.set(account, Number(n));
  }
  return acknowledged;
}

test('law 7: what was acknowledged before a kill is there after it', async () => {
  let from = 1;
  for (const afterMs of [5, 40, 120]) {
    const acknowledged = await saveAndKill(from, afterMs);
    expect(acknowledged.size).toBeGreaterThan(0);
    const store = await openStore(directory, (_, why) => expect.fail(why));
    for (const [digit, n] of acknowledged) {
      const account = digit.repeat(64) as Id;
      const record = await store.load(slotId({ tenant: 'tenant', account, way: PASSCODE }));
      expect(record?.lockSince).toBeGreaterThanOrEqual(n);
      const [latest] = await store.events(account, 1);
      expect(latest?.attempt, 'record and event are one transaction').toBe(record?.lockSince);
      expect(await store.seen(account)).toBeGreaterThanOrEqual(BigInt(n));
    }
    from = Math.max(...acknowledged.values()) + 2;
    await store.close();
  }
});
