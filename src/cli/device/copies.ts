/** `holdfast backup` and `holdfast restore`. */
import type { Command } from 'commander';
import { backUpWithKey64, restoreWithKey64 } from '../../device/key64.ts';
import { type BackedUp, backUp, restoreBackup } from '../../device/protect.ts';
import type { Bring } from '../../device/recovery.ts';
import { askFor, askForNew } from '../passcode.ts';
import { print, printJson, say } from '../report.ts';
import { plainPath } from '../told.ts';
import { bringOf, type Common, command, homeOf, progress, seconds, secretOption, type WaysIn, withWaysIn } from './options.ts';

interface BackupOptions extends Common {
  readonly to: string;
  readonly passcodeFd?: number;
  readonly key64?: true;
  readonly coolingOff?: number;
  readonly grace?: number;
}

export function backup(): Command {
  return command(
    'backup',
    'back a folder up; the first time, protect the backup key with a passcode',
    'holdfast backup ~/Documents --to /mnt/usb',
    'holdfast backup ~/Documents --to s3://my-bucket/laptop',
    'holdfast backup ~/Documents --to /mnt/usb --key64     # no vault: you keep the key (holdfast key64 generate)',
  )
    .argument('<folder>')
    .requiredOption('--to <target>', 'where the backup goes: a folder, made if it is not there, or s3://BUCKET/PREFIX')
    .addOption(secretOption('passcode', 'the new passcode (first backup)'))
    .option('--key64', 'encrypt with the 64-digit key of this device, which no fleet keeps')
    .option('--cooling-off <seconds>', 'first backup: how long a stranger who wants to replace the passcode has to wait', seconds)
    .option('--grace <seconds>', 'first backup: how long a locked key is kept before it is destroyed', seconds)
    .action(async (folder: string, { to, passcodeFd, key64, coolingOff, grace, ...common }: BackupOptions) => {
      const policy = {
        ...(coolingOff !== undefined && { coolingOffSeconds: coolingOff }),
        ...(grace !== undefined && { graceSeconds: grace }),
      };
      const done = key64
        ? await backUpWithKey64(homeOf(common), folder, to, progress())
        : await backUp(homeOf(common), folder, to, askForNew('New passcode', passcodeFd, '--passcode-fd'), progress(), policy);
      warn('left out', done.leftOut);
      warn('changed while it was read', done.changed);
      if (common.json) printJson({ bytes: done.bytes, ...done.header, leftOut: done.leftOut, changed: done.changed });
      else {
        const without = done.leftOut.length === 0 ? '' : ` Left out: ${done.leftOut.length}.`;
        print(`Backed up ${folder} to ${to}: ${done.bytes} bytes, encrypted for ${done.header.recipient}.${without}`);
      }
    });
}

const REMARKS_SHOWN = 10;

function warn(what: string, remarks: BackedUp['leftOut']): void {
  for (const { path, why } of remarks.slice(0, REMARKS_SHOWN)) say(`warning: ${what}: ${plainPath(path)}: ${why}`);
  if (remarks.length > REMARKS_SHOWN) say(`warning: ${what}: ${remarks.length - REMARKS_SHOWN} more (--json names all)`);
}

interface RestoreOptions extends Common, WaysIn {
  readonly to: string;
  readonly key64?: true;
  readonly key64Fd?: number;
}

export function restore(): Command {
  return withWaysIn(
    command(
      'restore',
      'get a folder back, with the passcode, the recovery code or the 64-digit key',
      'holdfast restore /mnt/usb --to ~/Restored',
      'holdfast restore /mnt/usb --to ~/Restored --recovery-code',
    ),
  )
    .argument('<from>', 'where the backup is: a folder, or s3://BUCKET/PREFIX')
    .requiredOption('--to <folder>', 'a folder that does not exist yet')
    .option('--key64', 'ask for the 64-digit key instead')
    .addOption(secretOption('key64', 'the 64-digit key'))
    .action(async (from: string, { to, key64, key64Fd, ...options }: RestoreOptions) => {
      if (!key64 && key64Fd === undefined) return restoreWith(bringOf(options), from, to, options);
      await restoreWithKey64(from, to, askFor('64-digit key', key64Fd, '--key64-fd'), progress());
      tellRestored(from, to, options);
    });
}

export async function restoreWith(bring: Bring, from: string, to: string, common: Common): Promise<void> {
  const { nodesThatLied } = await restoreBackup(homeOf(common), from, to, bring, progress());
  tellRestored(from, to, common, nodesThatLied);
}

function tellRestored(from: string, to: string, { json }: Common, nodesThatLied = 0): void {
  if (json) printJson({ nodesThatLied });
  else print(`Restored ${from} to ${to}.`);
}
