/** `holdfast delete`. */
import type { Command } from 'commander';
import { deleteKey } from '../../device/delete.ts';
import { nameOf } from '../../device/names.ts';
import { PASSCODE, RECOVERY_CODE } from '../../vault/slot.ts';
import { askFor } from '../passcode.ts';
import { print, printJson, say } from '../report.ts';
import { askForRecoveryCode, type Common, command, homeOf, type WaysIn, withWaysIn } from './options.ts';

interface Options extends Common, WaysIn {
  readonly announce?: true;
}

export function deletion(): Command {
  return withWaysIn(
    command(
      'delete',
      'delete your backup key from the fleet: backups then open only with a key that you have elsewhere',
      'holdfast delete                     # asks for the passcode, and deletes every way in',
      'holdfast delete --recovery-code     # asks for the recovery code too',
      'holdfast delete --announce          # asks for nothing: at once on a device that has used the key, else after the waiting time',
    ),
  )
    .option('--announce', 'without the passcode: announce it, and wait')
    .action(async ({ passcodeFd, recoveryCode, recoveryCodeFd, announce, ...common }: Options) => {
      const ask = {
        ...(!announce && { passcode: askFor('Passcode', passcodeFd, '--passcode-fd') }),
        ...((recoveryCode || recoveryCodeFd !== undefined) && { recoveryCode: askForRecoveryCode(recoveryCodeFd) }),
      };
      const deletions = await deleteKey(homeOf(common), ask, say);
      if (common.json) return printJson(deletions);
      if (deletions.length === 0) print('The fleet holds no backup key for this account.');
      for (const { way, done } of deletions) {
        const name = nameOf(way === 'passcode' ? PASSCODE : RECOVERY_CODE);
        print(done ? `Deleted: what your ${name} opened.` : `Announced: the deletion of what your ${name} opens.`);
      }
    });
}
