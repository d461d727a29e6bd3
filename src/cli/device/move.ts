/** `holdfast move`. */
import type { Command } from 'commander';
import { readBackupKey } from '../../device/key.ts';
import { moveKey, moveWithKey, renameBackups } from '../../device/move.ts';
import { nameOf } from '../../device/names.ts';
import { PASSCODE, RECOVERY_CODE } from '../../vault/slot.ts';
import { askFor } from '../passcode.ts';
import { print, printJson, say } from '../report.ts';
import { askForRecoveryCode, type Common, command, homeOf, secretOption, type WaysIn, withWaysIn } from './options.ts';

interface Options extends Common, WaysIn {
  readonly onlyRecoveryCode?: true;
  readonly withKey?: true;
  readonly keyFd?: number;
  readonly backups?: readonly string[];
}

export function move(): Command {
  return withWaysIn(
    command(
      'move',
      'move your backup key to the newer fleet, under the same passcode; the old one then keeps nothing of you',
      'holdfast move',
      'holdfast move --recovery-code             # asks for the recovery code too, and moves both',
      'holdfast move --only-recovery-code        # you have forgotten the passcode; then: holdfast passcode change --recovery-code',
      'holdfast move --with-key                  # asks for the backup key, not the passcode; moves every way in that was made with it',
      'holdfast move --backups /mnt/usb s3://bucket/me',
    ),
  )
    .option('--with-key', 'move with the backup key itself: an age identity, or 64 digits')
    .addOption(secretOption('key', 'the backup key'))
    .option('--only-recovery-code', 'move with the recovery code alone; what the passcode opens stays where it is')
    .option('--backups <targets...>', 'have these backups name the fleet where the key is now (restoring finds it without that too)')
    .action(async ({ passcodeFd, recoveryCode, recoveryCodeFd, onlyRecoveryCode, withKey, keyFd, backups = [], ...common }: Options) => {
      const withCode = recoveryCode || onlyRecoveryCode || recoveryCodeFd !== undefined;
      const ask = {
        ...(!onlyRecoveryCode && { passcode: askFor('Passcode', passcodeFd, '--passcode-fd') }),
        ...(withCode && { recoveryCode: askForRecoveryCode(recoveryCodeFd) }),
      };
      const home = homeOf(common);
      const moves =
        withKey || keyFd !== undefined
          ? await moveWithKey(home, readBackupKey(await askFor('Backup key', keyFd, '--key-fd')()), say)
          : await moveKey(home, ask, say);
      const renamed = await renameBackups(home, backups);
      if (common.json) return printJson({ moves, backups: renamed });
      if (moves.length === 0) print('Nothing to move: no other fleet holds a backup key of this account.');
      for (const { way, from, to, done } of moves) {
        const name = nameOf(way === 'passcode' ? PASSCODE : RECOVERY_CODE);
        const short = (fleet: string) => fleet.slice(0, 8);
        if (done) print(`Moved: what your ${name} opens, from fleet ${short(from)} to fleet ${short(to)}.`);
        else print(`Not moved: your ${name}. It opens fleet ${short(from)} until that is retired: bring it too, or make a new one.`);
      }
      for (const { target, done } of renamed)
        print(done ? `${target}: names the new fleet.` : `${target}: is of another key, and stays as it was.`);
    })
    .addHelpText(
      'after',
      `
While it moves, both fleets hold the key under the same passcode, and each allows ten guesses: twenty in all for somebody who
has your login. That ends when the old one is emptied, so let an interrupted move run to its end.`,
    );
}
