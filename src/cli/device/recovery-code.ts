/** `holdfast recovery-code generate|check|use`. */
import type { Command } from 'commander';
import { makeRecoveryCode } from '../../device/recovery-code.ts';
import { readRecoveryCode } from '../../vault/recovery-code.ts';
import { PASSCODE, RECOVERY_CODE } from '../../vault/slot.ts';
import { askFor } from '../passcode.ts';
import { print, printJson, say } from '../report.ts';
import { restoreWith } from './copies.ts';
import { askForRecoveryCode, type Common, command, group, homeOf, secretOption } from './options.ts';

export function recoveryCode(): Command {
  return group('recovery-code', 'a second way to your backups, on paper: it is never locked', generate(), check(), use());
}

interface GenerateOptions extends Common {
  readonly passcodeFd?: number;
}

function generate(): Command {
  return command(
    'generate',
    'make a recovery code and print it, once; asks for the passcode. One that you made before opens nothing any more',
    'holdfast recovery-code generate',
  )
    .addOption(secretOption('passcode', 'the passcode'))
    .action(async ({ passcodeFd, ...common }: GenerateOptions) => {
      const bring = { way: PASSCODE, ask: askFor('Passcode', passcodeFd, '--passcode-fd') };
      const show = (code: string) => (common.json ? printJson({ recoveryCode: code }) : print(`\n  ${code}\n`));
      await makeRecoveryCode(homeOf(common), bring, show, say);
      say('The recovery code above is in force. Write it down or print it, and try it: holdfast recovery-code check');
    });
}

function check(): Command {
  return command('check', 'whether a recovery code is typed without error; asks nobody', 'holdfast recovery-code check')
    .addOption(secretOption('recovery-code', 'the recovery code'))
    .action(async ({ recoveryCodeFd, json }: Common & { recoveryCodeFd?: number }) => {
      readRecoveryCode(await askForRecoveryCode(recoveryCodeFd)());
      if (json) printJson({ wellTyped: true });
      else print('Typed without error. Whether it is yours, only holdfast restore --recovery-code can tell.');
    });
}

function use(): Command {
  return command('use', 'get a folder back with the recovery code', 'holdfast recovery-code use /mnt/usb --to ~/Restored')
    .argument('<from>', 'where the backup is')
    .requiredOption('--to <folder>', 'a folder that does not exist yet')
    .addOption(secretOption('recovery-code', 'the recovery code'))
    .action(async (from: string, { to, recoveryCodeFd, ...common }: Common & { to: string; recoveryCodeFd?: number }) =>
      restoreWith({ way: RECOVERY_CODE, ask: askForRecoveryCode(recoveryCodeFd) }, from, to, common),
    );
}
