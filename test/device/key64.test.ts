/** The mode without a vault: 64 digits on paper, and no fleet. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recipientOf } from '../../src/backup/key.ts';
import { toHex } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { DeviceHome } from '../../src/device/home.ts';
import { backUpWithKey64, checkKey64, enterKey64, makeKey64, readKey64, restoreWithKey64, spellKey64 } from '../../src/device/key64.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const malformed = expect.objectContaining({ code: 'malformed' });
const silent = { say: () => undefined, bytes: () => undefined };

describe('the 64 digits', () => {
  it('are the key in hex, in sixteen groups of four', () => {
    fc.assert(
      fc.property(key, (bytes) => {
        const digits = spellKey64(new Secret(bytes)).reveal();
        expect(digits).toMatch(/^([0-9a-f]{4}-){15}[0-9a-f]{4}$/);
        expect(digits.replaceAll('-', '')).toBe(toHex(bytes));
      }),
    );
  });

  it('are read whatever the case, the spaces and the dashes', () => {
    fc.assert(
      fc.property(key, fc.constantFrom('', ' ', '-', '\u2013', '\n'), (bytes, between) => {
        const typed = spellKey64(new Secret(bytes)).reveal().toUpperCase().replaceAll('-', between).replaceAll('0', 'O');
        expect(readKey64(typed).reveal()).toEqual(bytes);
      }),
    );
  });

  it('are 64 and digits, or nothing', () => {
    const digits = spellKey64(new Secret(new Uint8Array(32).fill(7))).reveal();
    for (const typed of ['', digits.slice(1), `${digits}0`, `${digits.slice(0, -1)}g`]) expect(() => readKey64(typed)).toThrow(malformed);
  });
});

describe('a device with such a key', () => {
  let root: string;
  let home: DeviceHome;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-key64-'));
    home = new DeviceHome(join(root, 'home'));
    mkdirSync(join(root, 'documents'));
    writeFileSync(join(root, 'documents', 'a.txt'), 'alpha');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** One digit at this place is another one. */
  const mistyped = (digits: string, at: number) => digits.slice(0, at) + (digits[at] === '7' ? '8' : '7') + digits.slice(at + 1);
  const backUp = () => backUpWithKey64(home, join(root, 'documents'), join(root, 'store'), silent);

  it('backs up without being set up for any fleet, and gets it back with the digits alone', async () => {
    const { digits } = await makeKey64(home);
    await backUp();
    await restoreWithKey64(join(root, 'store'), join(root, 'back'), async () => digits.reveal(), silent);
    expect(readFileSync(join(root, 'back', 'a.txt'), 'utf8')).toBe('alpha');
  });

  it('keeps the recipient, for its owner only, and never the key', async () => {
    const { digits } = await makeKey64(home);
    const file = join(home.path, 'key64.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(home.path).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, 'utf8').replaceAll('-', '')).not.toContain(digits.reveal().replaceAll('-', ''));
  });

  it('notices any wrong digit that makes it another key, against itself and against a backup', async () => {
    const digits = (await makeKey64(home)).digits.reveal();
    await backUp();
    const elsewhere = new DeviceHome(join(root, 'elsewhere'));
    expect(await checkKey64(home, async () => digits)).toMatchObject({ compared: true });
    expect(await checkKey64(elsewhere, async () => digits)).toMatchObject({ compared: false });
    for (let at = 0; at < digits.length; at += 1) {
      if (digits[at] === '-') continue;
      const ask = async () => mistyped(digits, at);
      // X25519 ignores five bits of a key (RFC 7748, section 5): with one of those another, it opens the same backups.
      if ((await recipientOf(readKey64(await ask()))) === (await recipientOf(readKey64(digits)))) continue;
      await expect(checkKey64(home, ask)).rejects.toThrow(malformed);
      await expect(checkKey64(elsewhere, ask, join(root, 'store'))).rejects.toThrow(malformed);
    }
    await expect(restoreWithKey64(join(root, 'store'), join(root, 'back'), async () => mistyped(digits, 0), silent)).rejects.toThrow(
      'a digit',
    );
  });

  it('takes over a key that its owner has', async () => {
    const { digits, recipient } = await makeKey64(new DeviceHome(join(root, 'first')));
    await expect(backUp()).rejects.toMatchObject({ code: 'configuration' });
    expect(await enterKey64(home, async () => digits.reveal())).toBe(recipient);
    expect(await backUp()).toMatchObject({ header: { recipient } });
  });
});
