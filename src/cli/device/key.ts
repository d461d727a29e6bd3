/** `holdfast key`: the only command that gives the backup key out. */
import type { Command } from 'commander';
import { showKey } from '../../device/key.ts';
import { print, printJson, say } from '../report.ts';
import { bringOf, type Common, command, homeOf, type WaysIn, withWaysIn } from './options.ts';

export function key(): Command {
  return withWaysIn(
    command(
      'key',
      'print the backup key, for other tools',
      'holdfast key | age -d -i - /mnt/usb/backup.tar.age | tar x',
      "restic --password-command 'holdfast key' snapshots",
    ),
  )
    .option('--digits', 'as 64 digits instead of an age identity')
    .action(async ({ digits, ...options }: Common & WaysIn & { digits?: true }) => {
      const shown = await showKey(homeOf(options), bringOf(options), say);
      say('warning: whoever sees this key opens all your backups, and no passcode protects it any more');
      const { recipient } = shown;
      const value = (digits ? shown.digits : shown.identity).reveal();
      if (options.json) printJson({ [digits ? 'key64' : 'identity']: value, recipient });
      else print(value);
    });
}
