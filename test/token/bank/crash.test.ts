/** Kill -9 at any moment, and object files torn on a host that never syncs, on a real SoftHSM. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../src/base/errors.ts';
import { NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import { Bank } from '../../../src/token/bank/bank.ts';
import { TokenShelf } from '../../../src/token/bank/shelf.ts';
import { createNodeKeys } from '../../../src/token/index.ts';
import { Module } from '../../../src/token/pkcs11.ts';
import { makeSoftHsm } from '../softhsm.ts';
import { BANK_OPTIONS, PAGES, SLOTS } from './rounds.ts';

const hsm = makeSoftHsm(['node']);
const config = hsm.config('node');

beforeAll(() => {
  createNodeKeys({ ...config, pages: PAGES });
});
afterAll(() => hsm.remove());

/** Opens the bank as a new process would: SoftHSM reads its files again only after C_Finalize. */
function restart(): Bank {
  new Module(config.module).finalize();
  const module = new Module(config.module);
  const session = module.openSession(module.findToken('node'), config.pin);
  return new Bank(new TokenShelf(session), BANK_OPTIONS);
}

const objectFiles = () => readdirSync(hsm.tokenFolder()).filter((name) => name.endsWith('.object') && name !== 'token.object');

interface Death {
  readonly acknowledged: number;
  readonly sequence: bigint;
  readonly writes: number | undefined;
}

/** @param whenMs kill from outside, at any instruction; otherwise before the given writing call. */
function kill({ from, before = 0, whenMs }: { from: number; before?: number; whenMs?: number }): Promise<Death> {
  const rounds = whenMs === undefined ? '12' : '100000';
  const victim = spawn(process.execPath, [fileURLToPath(new URL('./victim.ts', import.meta.url)), 'node', `${before}`, rounds, `${from}`], {
    env: { ...process.env, SOFTHSM2_CONF: hsm.conf },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  victim.stdout.on('data', (data) => {
    output += data;
    if (whenMs !== undefined) setTimeout(() => victim.kill('SIGKILL'), whenMs);
  });
  return new Promise((resolve) => {
    victim.on('close', () => {
      const lines = output.split('\n').slice(0, -1);
      const [round = `${from}`, sequence = '0'] = lines.findLast((line) => !line.startsWith('end'))?.split(' ') ?? [];
      const end = lines.find((line) => line.startsWith('end'));
      resolve({
        acknowledged: Number(round),
        sequence: BigInt(sequence),
        writes: end === undefined ? undefined : Number(end.split(' ')[1]),
      });
    });
  });
}

/** What was acknowledged is there, or the one round more that was on its way; a round is there whole or not at all. */
function judge({ acknowledged, sequence }: Death): number {
  const bank = restart();
  const rounds = new Set(SLOTS.map((slot) => bank.read(slot).voted));
  expect(rounds.size).toBe(1);
  const [round = -1] = rounds;
  expect([acknowledged, acknowledged + 1]).toContain(round);
  expect(bank.state.foundSequence).toBeGreaterThanOrEqual(sequence);
  return round;
}

describe('kill -9', () => {
  it('before any writing call loses nothing that was acknowledged', async () => {
    let round = 0;
    const whole = await kill({ from: round });
    round = judge(whole);
    expect(round).toBe(12);
    const calls = whole.writes ?? 0;
    expect(calls).toBeGreaterThan(30);
    for (let before = 1; before <= calls; before += 1) round = judge(await kill({ from: round, before }));
    expect(objectFiles().length).toBeLessThan(7 + BANK_OPTIONS.objectsMax);
  }, 600_000);

  it('at any instruction loses nothing that was acknowledged, and leaves no litter that stays', async () => {
    let round = restart().read(SLOTS[0]!).voted;
    for (let i = 0; i < 12; i += 1) round = judge(await kill({ from: round, whenMs: 3 + 7 * i }));
    // A file that was torn while it was written is invisible to PKCS#11 and stays: at most one per death.
    expect(objectFiles().length).toBeLessThan(7 + BANK_OPTIONS.objectsMax + 12);
  }, 600_000);
});

describe('a torn object file', () => {
  it('costs nothing, or is refused by name; only the last commit of a host that does not sync can be lost', () => {
    const voted = (n: number) => SLOTS.map((slot) => ({ slot, counters: { ...NEW_COUNTERS, voted: n } }));
    const bank = restart();
    const start = bank.read(SLOTS[0]!).voted;
    for (let n = 1; n <= 4; n += 1) bank.commit(voted(start + n));
    while (bank.foldSome());
    // However the deaths above left the journal: it is more than its tail now.
    for (const n of [5, 6]) bank.commit(voted(start + n));
    const before = new Set(objectFiles());
    bank.commit(voted(start + 7));
    const tail = objectFiles().find((name) => !before.has(name));
    const sequence = bank.state.sequence;
    const saved = join(hsm.folder, 'saved');
    mkdirSync(saved);
    cpSync(hsm.tokenFolder(), saved, { recursive: true });
    const outcomes = new Map<string, number>();
    for (const name of readdirSync(saved).filter((file) => file.endsWith('.object') && file !== 'token.object')) {
      const { length } = readFileSync(join(saved, name));
      for (const keep of [0, 8, Math.floor(length / 2), length - 1]) {
        rmSync(hsm.tokenFolder(), { recursive: true });
        cpSync(saved, join(hsm.folder, 'tokens', 'again'), { recursive: true });
        truncateSync(join(hsm.tokenFolder(), name), Math.min(keep, length));
        let outcome: string;
        try {
          const { foundSequence } = restart().state;
          outcome = name === tail ? 'last commit lost' : 'whole';
          expect(foundSequence === sequence).toBe(name !== tail);
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error;
          expect(error.code).toBe('token-unsuitable');
          outcome = error.message;
        }
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    expect([...outcomes.keys()].sort()).toEqual([
      'a key is missing in the token',
      'last commit lost',
      'the counters in the token are not proven: a page is missing',
      'the counters in the token are not proven: the journal has a gap',
      'the counters in the token are not proven: there is no whole root object',
      'whole',
    ]);
    expect(outcomes.get('last commit lost')).toBe(4);
  }, 600_000);
});
