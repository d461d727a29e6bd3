/**
 * Obtains a token's PIN where the configuration (place.ts) says: from a file descriptor, a credential of systemd, or m of n custodians who
 * come to a socket. A file with the PIN in clear is for development. It stays in this process's memory alone: a token that was away is
 * opened again with it.
 */
import { closeSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { PinPlace } from './place.ts';
import { waitForCustodians } from './wait.ts';

/** What happens while a PIN is waited for, for who watches. */
export interface Trace {
  info(fields: object, words: string): void;
  warn(fields: object, words: string): void;
}

export interface Obtaining {
  readonly trace: Trace;
  /** Ends the wait for custodians. */
  readonly stop: AbortSignal;
  /** Of the configuration, to be named in errors: `token`, unless said otherwise. */
  readonly key?: string;
}

/** @throws `configuration` naming the key; what `stop` was aborted with */
export async function obtainPin(place: PinPlace, { trace, stop, key = 'token' }: Obtaining): Promise<Secret<string>> {
  const { label, pinFile, pin } = place;
  if (pinFile !== undefined) trace.warn({ pinFile }, 'DEVELOPMENT: the PIN of the token is in a file, in clear');
  if (pin?.custodians !== undefined) return gather(label, pin.custodians, trace, stop);
  return readable(place, key);
}

/** Of all sources the ones that do not wait for people. @throws `configuration` for the others */
export function readable({ pinFile, pin }: PinPlace, key = 'token'): Secret<string> {
  if (pinFile !== undefined) return readPin(pinFile, key);
  if (pin?.fd !== undefined) return fromDescriptor(pin.fd, key);
  if (pin?.credential !== undefined) return fromCredential(pin.credential, key);
  return fail('configuration', `${key}.pin.custodians: only the program itself waits for custodians: give --pin-fd`);
}

/** The first line of the PIN file. @throws `configuration` when others may read it */
export function readPin(file: string, key = 'token'): Secret<string> {
  return firstLine(file, `${key}.pinFile`, file);
}

function fromCredential(name: string, key: string): Secret<string> {
  const folder = process.env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined) return fail('configuration', `${key}.pin.credential: systemd gave no credentials: LoadCredential= in the unit`);
  return firstLine(join(folder, name), `${key}.pin.credential`, name);
}

/** And then it is closed: no program that this one starts, and no code that runs later, reads it again. */
function fromDescriptor(fd: number, key: string): Secret<string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(fd);
    closeSync(fd);
  } catch (error) {
    return fail('configuration', `${key}.pin.fd: file descriptor ${fd} cannot be read`, { cause: causeOf(error) });
  }
  return lineOf(bytes, `${key}.pin.fd`, `file descriptor ${fd}`);
}

function firstLine(file: string, key: string, name: string): Secret<string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return fail('configuration', `${key}: ${name} cannot be read`, { cause: causeOf(error) });
  }
  const others = statSync(file).mode & 0o077;
  if (others !== 0) fail('configuration', `${key}: others may read ${name}: chmod 600`, { others: others.toString(8) });
  return lineOf(bytes, key, name);
}

const causeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown';

function lineOf(bytes: Buffer, key: string, name: string): Secret<string> {
  const [pin] = bytes.toString('utf8').split(/\r?\n/, 1);
  bytes.fill(0);
  return pin ? new Secret(pin) : fail('configuration', `${key}: ${name} is empty`);
}

type Custodians = NonNullable<NonNullable<PinPlace['pin']>['custodians']>;

function gather(token: string, { socket, ceremony }: Custodians, trace: Trace, stop: AbortSignal): Promise<Secret<string>> {
  return waitForCustodians(
    { ceremony, token, socket },
    ({ given, needed }, refused) => {
      if (refused !== undefined) trace.warn({ token, why: refused.message, ...refused.evidence }, 'a share was refused');
      else if (needed === 0) trace.info({ token }, 'enough custodians have come');
      else trace.info({ token, given: given.length, needed }, 'a custodian has come');
    },
    () => trace.warn({ socket, token, ceremony }, 'waiting for custodians: holdfast custodian give'),
    stop,
  );
}
