/**
 * Wrong guesses as the person sees them, with small delays: how many are left, when the next is allowed, what to do; that one which
 * comes too soon costs nothing; and that the success ends all of it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountStatus } from '../../src/device/status.ts';
import { Device } from '../cli/person.ts';
import { TestFleet } from './fleet.ts';

const BUSY_MS = 400_000;
const PIN = '271828';
const WRONG_PIN = '314159';
/** None after the first wrong one. After the second long enough for a busy machine to come too soon, three commands later. */
const DELAY_MS = 90_000;

let fleet: TestFleet;
let alice: Device;
const path = (...parts: string[]) => join(fleet.folder, ...parts);

beforeAll(async () => {
  fleet = await TestFleet.up(3, (name, config) => (name === 'accounts' ? config : { ...config, guessDelaysMs: [0, DELAY_MS] }));
  mkdirSync(path('documents'));
  writeFileSync(path('documents', 'letter.txt'), 'Dear Bob,');
  alice = new Device(path('alice'));
  await alice.json(['setup', '--profile', path('profile.json'), '--user', 'alice']);
  await alice.json(['backup', path('documents'), '--to', path('backup')], { passcode: PIN });
}, BUSY_MS);
afterAll(() => fleet?.down(), 180_000);

const status = () => alice.json<AccountStatus>(['status']);
const key = (passcode: string, ...more: string[]) => alice.run(['key', ...more], { passcode });

interface Told {
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly evidence: { readonly guessesLeft: number; readonly secondsLeft?: number; readonly allowedAt?: string };
}
const toldBy = ({ err }: { err: string }): Told => (JSON.parse(err.trimEnd().split('\n').at(-1) ?? '') as { error: Told }).error;

it(
  'wrong guesses are told with what is left, when the next is allowed and what to do; one that comes too soon is not made',
  async () => {
    const first = await key(WRONG_PIN);
    expect({ code: first.code, err: first.err }).toEqual({
      code: 3,
      err: expect.stringMatching(/wrong; 9 guesses are left \(.*\n {2}next: .*another way in/),
    });
    expect(first.err).not.toContain('allowed in');
    expect(await status()).not.toHaveProperty('nextGuess');

    const second = toldBy(await key(WRONG_PIN, '--json'));
    const soonMs = Date.now();
    expect(second).toMatchObject({ code: 'wrong-passcode', evidence: { guessesLeft: 8 } });
    expect(second.message).toMatch(/8 guesses are left; the next one is allowed in \d+ seconds, at \d\d:\d\d:\d\d$/);
    const allowedMs = Date.parse(second.evidence.allowedAt ?? '');
    expect(allowedMs).toBeGreaterThan(soonMs);
    expect(allowedMs).toBeLessThanOrEqual(soonMs + DELAY_MS);

    // Right or wrong makes no difference: it was not looked at.
    const third = await key(PIN, '--json');
    expect(toldBy(third)).toMatchObject({ code: 'rate-limited', evidence: { guessesLeft: 8 } });
    expect(third.code).toBe(8);
    expect(toldBy(third).message).toMatch(/this one was not made; the next one is allowed in \d+ seconds, at /);
    const { guessesLeft, nextGuess } = await status();
    expect(guessesLeft).toBe(8);
    expect(Math.abs(Date.parse(nextGuess?.allowedAt ?? '') - allowedMs)).toBeLessThan(5_000);
    expect((await alice.run(['status'])).out).toContain('The next guess is allowed in ');

    await sleep(allowedMs - Date.now() + 1_000);
    await alice.json(['restore', path('backup'), '--to', path('restored')], { passcode: PIN });
    expect(readFileSync(path('restored', 'letter.txt'), 'utf8')).toBe('Dear Bob,');
    expect(await status()).toMatchObject({ guessesLeft: 10 });
    expect(await status()).not.toHaveProperty('nextGuess');
    expect(toldBy(await key(WRONG_PIN, '--json'))).toMatchObject({ code: 'wrong-passcode', evidence: { guessesLeft: 9 } });
  },
  BUSY_MS,
);
