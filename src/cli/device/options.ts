/** What the commands of people have in common: where the device's state is, how to ask, and how to tell. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { DeviceHome } from '../../device/home.ts';
import type { Progress } from '../../device/protect.ts';
import type { Bring } from '../../device/recovery.ts';
import { PASSCODE, RECOVERY_CODE } from '../../vault/slot.ts';
import { type Ask, askFor } from '../passcode.ts';
import { say } from '../report.ts';
import { beginWaiting, stoppable, tellWaiting } from '../waiting.ts';

export interface Common {
  readonly home?: string;
  readonly json?: true;
}

/** @param examples complete command lines */
export function command(name: string, description: string, ...examples: readonly string[]): Command {
  return new Command(name)
    .description(description)
    .option('--home <folder>', "where this device's state is kept (default: the platform's place for it)")
    .option('--json', 'print JSON')
    .hook('preAction', beginWaiting)
    .addHelpText('after', `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n  ${examples.join('\n  ')}`);
}

/** A command that only has commands. */
export function group(name: string, description: string, ...commands: readonly Command[]): Command {
  const made = new Command(name).description(description);
  for (const one of commands) made.addCommand(one);
  return made;
}

export function homeOf({ home }: Common): DeviceHome {
  return new DeviceHome(home);
}

/** An option `--NAME-fd NUMBER`; the secret itself is never an option. */
export function secretOption(name: string, what: string): Option {
  return new Option(`--${name}-fd <number>`, `read ${what} from this file descriptor instead of asking`).argParser((text) => {
    const fd = Number(text);
    if (!Number.isInteger(fd) || fd < 0) throw new InvalidArgumentError('expected the number of an open file descriptor');
    return fd;
  });
}

export interface WaysIn {
  readonly passcodeFd?: number;
  readonly recoveryCode?: true;
  readonly recoveryCodeFd?: number;
}

/** For a command that gets the key back: with the passcode, or with the recovery code. */
export function withWaysIn(made: Command): Command {
  return made
    .addOption(secretOption('passcode', 'the passcode'))
    .option('--recovery-code', 'ask for the recovery code instead of the passcode')
    .addOption(secretOption('recovery-code', 'the recovery code'));
}

export function bringOf({ passcodeFd, recoveryCode, recoveryCodeFd }: WaysIn): Bring {
  return recoveryCode || recoveryCodeFd !== undefined
    ? { way: RECOVERY_CODE, ask: askForRecoveryCode(recoveryCodeFd) }
    : { way: PASSCODE, ask: askFor('Passcode', passcodeFd, '--passcode-fd') };
}

export function askForRecoveryCode(fd: number | undefined): Ask {
  return askFor('Recovery code', fd, '--recovery-code-fd');
}

export function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected seconds');
  return value;
}

const MIB = 1 << 20;

const mebibytes = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

/** How many bytes were stored, or read; and the work ends there if somebody wants it to. */
export function progress(): Progress {
  let stop: (() => void) | undefined;
  return {
    say,
    bytes(count, made = count) {
      stop ??= stoppable();
      stop();
      // A part of an upload is made whole before it is sent.
      tellWaiting(made - count < 2 * MIB ? mebibytes(count) : `${mebibytes(count)} of ${mebibytes(made)} stored`);
    },
  };
}
