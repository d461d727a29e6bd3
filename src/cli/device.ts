/** `holdfast setup|backup|restore|status`: what a person does with a device. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { DeviceHome, readPublishedProfile } from '../device/home.ts';
import { backUp, restoreBackup } from '../device/protect.ts';
import { tellStatus } from '../device/status.ts';
import { passcodeFrom } from './passcode.ts';
import { print, printJson, say } from './report.ts';

interface Common {
  readonly home?: string;
  readonly json?: true;
}
interface Asking extends Common {
  readonly passcodeFd?: number;
}

export function deviceCommands(): Command[] {
  return [setup(), backup(), restore(), status()];
}

function command(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--home <folder>', "where this device's state is kept (default: the platform's place for it)")
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  ${example}`);
}

function setup(): Command {
  return command('setup', 'choose the fleet that this device trusts, and who you are', 'holdfast setup --profile profile.json --user alice')
    .requiredOption('--profile <file>', "the fleet's published profile: its pinned entry, and where passes come from")
    .requiredOption('--user <name>', 'your name at the account service')
    .action(async ({ home, profile, user, json }: Common & { profile: string; user: string }) => {
      const where = new DeviceHome(home);
      await where.save({ ...(await readPublishedProfile(profile)), user });
      if (json) printJson({ home: where.path });
      else print(`This device is set up for ${user} (${where.path}).`);
    });
}

function backup(): Command {
  return asking(
    'backup',
    'back a folder up; the first time, protect the backup key with a passcode',
    'holdfast backup ~/Documents --to /mnt/usb',
  )
    .argument('<folder>')
    .requiredOption('--to <folder>', 'where the backup goes')
    .option('--cooling-off <seconds>', 'for the first backup: how long a stranger who wants to replace the passcode has to wait', seconds)
    .option('--grace <seconds>', 'for the first backup: how long a locked key is kept before it is destroyed', seconds)
    .action(
      async (
        folder: string,
        { home, json, to, passcodeFd, coolingOff, grace }: Asking & { to: string; coolingOff?: number; grace?: number },
      ) => {
        const changed = {
          ...(coolingOff !== undefined && { coolingOffSeconds: coolingOff }),
          ...(grace !== undefined && { graceSeconds: grace }),
        };
        const done = await backUp(new DeviceHome(home), resolve(folder), resolve(to), passcodeFrom(passcodeFd, true), progress(), changed);
        if (json) printJson({ bytes: done.bytes, ...done.header });
        else print(`Backed up ${folder} to ${to}: ${done.bytes} bytes, encrypted for ${done.header.recipient}.`);
      },
    );
}

function restore(): Command {
  return asking('restore', 'get a folder back with the passcode alone', 'holdfast restore /mnt/usb --to ~/Restored')
    .argument('<from>', 'the folder of the backup')
    .requiredOption('--to <folder>', 'a folder that does not exist yet')
    .action(async (from: string, { home, json, to, passcodeFd }: Asking & { to: string }) => {
      const done = await restoreBackup(new DeviceHome(home), resolve(from), resolve(to), passcodeFrom(passcodeFd, false), progress());
      if (done.nodesThatLied > 0) say(`warning: ${done.nodesThatLied} node(s) answered falsely and were outvoted: tell the operator`);
      if (json) printJson(done);
      else print(`Restored ${from} to ${to}.`);
    });
}

function status(): Command {
  return command('status', 'how many guesses are left, and which nodes say so', 'holdfast status').action(
    async ({ home, json }: Common) => {
      const told = await tellStatus(new DeviceHome(home));
      if (json) return printJson(told);
      if (!told.registered) return print('No backup key is deposited for this account.');
      print(`Backup key deposited (generation ${told.generation}). ${told.locked ? 'LOCKED' : `${told.guessesLeft} guesses left`}.`);
      for (const { node, tried, cleared, generation, voting } of told.nodes) {
        print(`  ${node}  generation ${generation}, ${tried} tried, last success ${cleared}${voting ? '' : ', not voting'}`);
      }
    },
  );
}

function asking(name: string, description: string, example: string): Command {
  return command(name, description, example).option('--passcode-fd <number>', 'read the passcode from this file descriptor', (text) => {
    const fd = Number(text);
    if (!Number.isInteger(fd) || fd < 0) throw new InvalidArgumentError('expected the number of an open file descriptor');
    return fd;
  });
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected seconds');
  return value;
}

/** On a terminal one line that is written over; elsewhere only what is said. */
function progress() {
  let shown = 0;
  return {
    say,
    bytes(count: number) {
      if (!process.stderr.isTTY || count - shown < 1 << 20) return;
      shown = count;
      process.stderr.write(`\r${Math.floor(count / (1 << 20))} MiB\r`);
    },
  };
}
