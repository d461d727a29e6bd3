/** What the commands of people have in common: where the device's state is, how to ask, and how to tell. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { DeviceHome } from '../../device/home.ts';
import type { Progress } from '../../device/protect.ts';
import type { Bring } from '../../device/recovery.ts';
import { PASSCODE, RECOVERY_CODE } from '../../vault/slot.ts';
import { type Ask, askFor } from '../passcode.ts';
import { endProgress, progressLine, say } from '../report.ts';

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

const STEP_BYTES = 1 << 20;

/** On a terminal one line that is written over; elsewhere only what is said. */
export function progress(): Progress {
  let shown = 0;
  return {
    say: (line) => (process.stderr.isTTY && shown > 0 ? endProgress(line) : say(line)),
    bytes(count) {
      if (count - shown < STEP_BYTES) return;
      shown = count;
      progressLine(`${Math.floor(count / STEP_BYTES)} MiB`);
    },
  };
}

/** Ends the line that `progress` writes over. */
export function clearProgress(): void {
  progressLine('');
}
