/** `holdfast setup`. */
import type { Command } from 'commander';
import { readPublishedProfile } from '../../device/home.ts';
import { print, printJson } from '../report.ts';
import { type Common, command, homeOf } from './options.ts';

export function setup(): Command {
  return command('setup', 'choose the fleet that this device trusts, and who you are', 'holdfast setup --profile profile.json --user alice')
    .requiredOption('--profile <file>', "the fleet's published profile: its pinned entry, and where passes come from")
    .requiredOption('--user <name>', 'your name at the account service')
    .action(async ({ profile, user, ...common }: Common & { profile: string; user: string }) => {
      const home = homeOf(common);
      await home.setUp(await readPublishedProfile(profile), user);
      if (common.json) printJson({ home: home.path });
      else
        print(
          `This device is set up for ${user} (${home.path}).\nNext: holdfast backup FOLDER --to TARGET, or holdfast restore FROM --to FOLDER.`,
        );
    });
}
