/**
 * The mode without a vault: the person keeps the backup key, as 64 hexadecimal digits. Nobody can help who loses it.
 * There is no check digit in it: that it is the right one shows in its recipient, which the device and every backup know. (X25519
 * ignores five bits of a key, RFC 7748, section 5: a digit that is wrong only there makes no other key.)
 */
import { loadHeader } from '../backup/beside.ts';
import { type BackupKey, recipientOf } from '../backup/key.ts';
import { checkRestore } from '../backup/restore.ts';
import { idToBytes, toHex, toId } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { systemRandom } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { DeviceHome } from './home.ts';
import { type BackedUp, open, type Progress, store } from './protect.ts';
import type { Ask } from './recovery.ts';

const DIGITS = 64;
const GROUP = 4;

/** Sixteen groups of four hexadecimal digits. */
export function spellKey64(key: BackupKey): Secret<string> {
  return new Secret((toHex(key.reveal()).match(new RegExp(`.{${GROUP}}`, 'g')) ?? []).join('-'));
}

/** Case, spaces and dashes do not matter. @throws `malformed` with the place of what is no digit */
export function readKey64(typed: string): BackupKey {
  const text = typed
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s\p{Pd}]/gu, '')
    .replaceAll('o', '0')
    .replace(/[il]/g, '1');
  const strange = [...text].findIndex((digit) => !/[0-9a-f]/.test(digit));
  if (strange >= 0) return fail('malformed', 'a 64-digit key has only 0-9 and a-f', { group: Math.floor(strange / GROUP) + 1 });
  if (text.length !== DIGITS) return fail('malformed', `expected ${DIGITS} digits`, { got: text.length });
  return new Secret(idToBytes(toId(text)));
}

/** Makes a key, and lets this device back up with it. The key is shown once, and kept nowhere. */
export async function makeKey64(home: DeviceHome): Promise<{ digits: Secret<string>; recipient: string }> {
  const key = new Secret(systemRandom(DIGITS / 2));
  const recipient = await recipientOf(key);
  await home.saveKeyOnly(recipient);
  return { digits: spellKey64(key), recipient };
}

/** Lets this device back up with a key that the person has. */
export async function enterKey64(home: DeviceHome, ask: Ask): Promise<string> {
  const recipient = await recipientOf(readKey64(await ask()));
  await home.saveKeyOnly(recipient);
  return recipient;
}

/**
 * @param from a backup to compare with; by default the key of this device, if it has one
 * @returns whether there was anything to compare with
 * @throws `malformed` when it is another key
 */
export async function checkKey64(home: DeviceHome, ask: Ask, from?: string): Promise<{ recipient: string; compared: boolean }> {
  const expected = from === undefined ? await home.keyOnly() : (await loadHeader(from)).recipient;
  const recipient = await recipientOf(readKey64(await ask()));
  if (expected !== undefined) mustFit(recipient, expected);
  return { recipient, compared: expected !== undefined };
}

/** @throws `configuration` when this device has no 64-digit key */
export async function backUpWithKey64(home: DeviceHome, folder: string, target: string, progress: Progress): Promise<BackedUp> {
  const recipient = await home.keyOnly();
  if (recipient === undefined)
    return fail('configuration', 'this device has no 64-digit key. Run: holdfast key64 generate, or key64 enter');
  return store(folder, target, { recipient }, progress);
}

export async function restoreWithKey64(from: string, folder: string, ask: Ask, progress: Progress): Promise<void> {
  const { recipient } = await loadHeader(from);
  await checkRestore(folder);
  const key = readKey64(await ask());
  mustFit(await recipientOf(key), recipient);
  await open(from, key, folder, progress);
}

function mustFit(recipient: string, expected: string): void {
  if (recipient !== expected) fail('malformed', 'this is another key, or a digit of it is wrong: compare it with the paper', { expected });
}
