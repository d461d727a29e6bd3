/** `holdfast key`: the only command that gives the backup key out; and whether this device keeps it. */
import type { Command } from 'commander';
import { forgetKey, keepKey, showKey } from '../../device/key.ts';
import { print, printJson, say } from '../report.ts';
import { bringOf, type Common, command, homeOf, type WaysIn, withWaysIn } from './options.ts';

interface Options extends Common, WaysIn {
  readonly digits?: true;
  readonly keep?: true;
  readonly forget?: true;
}

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
    .option('--keep', 'print nothing: keep it on this device, which then moves it to a newer fleet by itself at any backup')
    .option('--forget', 'keep it on this device no more; asks for nothing')
    .action(async ({ digits, keep, forget, ...options }: Options) => {
      if (forget) return forgetOn(options);
      if (keep) return keepOn(options);
      const shown = await showKey(homeOf(options), bringOf(options), say);
      say('warning: whoever sees this key opens all your backups, and no passcode protects it any more');
      const { recipient } = shown;
      const value = (digits ? shown.digits : shown.identity).reveal();
      if (options.json) printJson({ [digits ? 'key64' : 'identity']: value, recipient });
      else print(value);
    });
}

async function keepOn(options: Options): Promise<void> {
  await keepKey(homeOf(options), bringOf(options), say);
  say('warning: whoever gets the files of this device opens all your backups');
  if (options.json) printJson({ kept: true });
  else print('This device keeps your backup key. To undo it: holdfast key --forget.');
}

async function forgetOn(options: Options): Promise<void> {
  const there = await forgetKey(homeOf(options));
  if (options.json) printJson({ kept: false });
  else print(there ? 'This device does not keep your backup key any more.' : 'This device did not keep a backup key.');
}
