/** `holdfast ceremony`: the ceremony that makes a fleet, told, performed and verified. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { describePlan } from '../ceremony/plan.ts';
import { developmentFleet } from '../ceremony/plans/development-fleet.ts';
import { verifyTranscript } from '../ceremony/verify.ts';
import { transcriptFile } from './fleet/layout.ts';
import { chooseParameters, makeFleetIn } from './fleet/make.ts';
import { folderOption, nodesOption, showProgress } from './fleet/options.ts';
import { print, printJson } from './report.ts';

export function ceremonyCommands(): Command {
  const group = new Command('ceremony').description("Make a fleet's tokens, keys and entry, step by step and on record");
  group
    .command('dry-run')
    .description('say what would be done, and what must be true after each step; change nothing')
    .addOption(nodesOption())
    .action(async ({ nodes }: { nodes?: number }) => {
      print(describePlan(developmentFleet(await chooseParameters(nodes))).trimEnd());
    });
  group
    .command('run')
    .description('perform it, or go on where it was interrupted')
    .addOption(nodesOption())
    .addOption(folderOption())
    .action(async ({ nodes, dir }: { nodes?: number; dir: string }) => {
      const folder = resolve(dir);
      await makeFleetIn(folder, nodes, showProgress);
      print(transcriptFile(folder));
    });
  group
    .command('verify')
    .description('check a transcript, derive the fleet entry from it, and compare it with the one in use')
    .addOption(folderOption())
    .option('--transcript <file>', 'instead of the one in the folder')
    .option('--json', 'print JSON')
    .action(({ dir, transcript, json }: { dir: string; transcript?: string; json?: true }) => {
      const entryFile = join(dir, 'fleet-entry.json');
      const published = existsSync(entryFile) ? readFileSync(entryFile, 'utf8') : undefined;
      const verified = verifyTranscript(
        readFileSync(transcript ?? transcriptFile(dir), 'utf8'),
        published === undefined ? {} : { 'fleet-entry.json': published },
      );
      const { entry } = verified;
      const fleets = entry?.fleets.map(({ fleet }) => fleet.id) ?? [];
      if (json) return printJson({ ...verified, entry: entry?.digest, fleets, compared: published !== undefined });
      print(
        `The transcript is whole: ${verified.lines} lines, plan ${verified.plan}, performed ${new Date(verified.begunMs).toISOString()}.`,
      );
      print(`Digest of its last line:  ${verified.head}`);
      if (verified.found.length > 0) print(`Found done when reading back, before this ceremony did them: ${verified.found.join(', ')}`);
      print(`Entry that follows:       ${entry?.digest}${published === undefined ? '' : ', the one in use'}`);
      for (const id of fleets) print(`Fleet:                    ${id}`);
    });
  return group.addHelpText(
    'after',
    `
Examples:
  holdfast ceremony dry-run --nodes 3
  holdfast ceremony run --nodes 5 --dir /tmp/fleet
  holdfast ceremony verify --dir /tmp/fleet`,
  );
}
