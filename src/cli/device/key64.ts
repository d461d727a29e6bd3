/** `holdfast key64 generate|enter|check`: the mode without a vault. */
import type { Command } from 'commander';
import { checkKey64, enterKey64, makeKey64 } from '../../device/key64.ts';
import { askFor } from '../passcode.ts';
import { print, printJson, say } from '../report.ts';
import { type Common, command, group, homeOf, secretOption } from './options.ts';

export function key64(): Command {
  return group(
    'key64',
    'a 64-digit key that you keep yourself: no fleet, no passcode, no help if you lose it',
    generate(),
    enter(),
    check(),
  );
}

interface Options extends Common {
  readonly key64Fd?: number;
}

const askForKey = (fd: number | undefined) => askFor('64-digit key', fd, '--key64-fd');

function generate(): Command {
  return command('generate', 'make a key and print it, once; this device can then back up with --key64', 'holdfast key64 generate').action(
    async (common: Common) => {
      const { digits, recipient } = await makeKey64(homeOf(common));
      say('warning: whoever sees this key opens your backups; who loses it, loses them. Write it down, and try it: holdfast key64 check');
      if (common.json) printJson({ key64: digits.reveal(), recipient });
      else print(digits.reveal());
    },
  );
}

function enter(): Command {
  return command('enter', 'let this device back up with a key that you have', 'holdfast key64 enter')
    .addOption(secretOption('key64', 'the 64-digit key'))
    .action(async ({ key64Fd, ...common }: Options) => {
      const recipient = await enterKey64(homeOf(common), askForKey(key64Fd));
      if (common.json) printJson({ recipient });
      else print(`Backups with --key64 are now encrypted for ${recipient}.`);
    });
}

function check(): Command {
  return command(
    'check',
    'whether you have the right key, and typed it right; asks nobody',
    'holdfast key64 check',
    'holdfast key64 check --backup /mnt/usb',
  )
    .option('--backup <from>', 'compare with this backup (default: with the key of this device)')
    .addOption(secretOption('key64', 'the 64-digit key'))
    .action(async ({ backup, key64Fd, ...common }: Options & { backup?: string }) => {
      const { recipient, compared } = await checkKey64(homeOf(common), askForKey(key64Fd), backup);
      if (common.json) printJson({ recipient, compared });
      else if (compared) print(`This is the key (${recipient}).`);
      else print(`64 digits; nothing here to compare them with (${recipient}). Give --backup to compare with a backup.`);
    });
}
