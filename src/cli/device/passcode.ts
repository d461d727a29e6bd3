/** `holdfast passcode set|change`. */
import type { Command } from 'commander';
import { changePasscode, setPasscode } from '../../device/passcode.ts';
import { askForNew } from '../passcode.ts';
import { print, printJson, say } from '../report.ts';
import { bringOf, type Common, command, group, homeOf, seconds, secretOption, type WaysIn, withWaysIn } from './options.ts';

export function passcode(): Command {
  return group('passcode', 'the passcode that opens your backups', set(), change());
}

interface SetOptions extends Common {
  readonly passcodeFd?: number;
  readonly newKey?: true;
  readonly coolingOff?: number;
  readonly grace?: number;
}

function set(): Command {
  return command('set', 'make a backup key and protect it with a passcode, without a backup yet', 'holdfast passcode set')
    .addOption(secretOption('passcode', 'the new passcode'))
    .option(
      '--new-key',
      'give the backup key of this account up for a new one: at once on a device that has used it, else after a waiting time',
    )
    .option('--cooling-off <seconds>', 'how long a stranger who wants to replace the passcode has to wait', seconds)
    .option('--grace <seconds>', 'how long a locked key is kept before it is destroyed', seconds)
    .action(async ({ passcodeFd, newKey, coolingOff, grace, ...common }: SetOptions) => {
      const policy = {
        ...(coolingOff !== undefined && { coolingOffSeconds: coolingOff }),
        ...(grace !== undefined && { graceSeconds: grace }),
      };
      const ask = askForNew('New passcode', passcodeFd, '--passcode-fd');
      const { recipient } = await setPasscode(homeOf(common), ask, say, policy, newKey);
      if (common.json) printJson({ recipient });
      else
        print(
          'The backup key is deposited under your passcode.\nNext: holdfast backup FOLDER --to TARGET; holdfast recovery-code generate.',
        );
    });
}

function change(): Command {
  return withWaysIn(
    command(
      'change',
      'another passcode for the same backup key, with the old one or the recovery code',
      'holdfast passcode change',
      'holdfast passcode change --recovery-code',
    ),
  )
    .addOption(secretOption('new-passcode', 'the new passcode'))
    .action(async ({ newPasscodeFd, ...options }: Common & WaysIn & { newPasscodeFd?: number }) => {
      const askNew = askForNew('New passcode', newPasscodeFd, '--new-passcode-fd');
      const { recipient } = await changePasscode(homeOf(options), bringOf(options), askNew, say);
      if (options.json) printJson({ recipient });
      else print('Your passcode is changed. Backups made so far open with the new one.');
    });
}
