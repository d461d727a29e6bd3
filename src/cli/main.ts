/**
 * The command line of Holdfast. Each group of commands is a file beside this one; this file turns what they throw into a
 * message and an exit code: 0 done, 1 failed (error: CODE: message, and the next step), 2 wrong usage.
 */
import { Command, CommanderError } from 'commander';
import { accountsCommands } from './accounts.ts';
import { ceremonyCommands } from './ceremony.ts';
import { deviceCommands } from './device.ts';
import { fleetCommands } from './fleet.ts';
import { EXIT, printError } from './report.ts';
import { tokenCommands } from './token.ts';

const program = new Command('holdfast')
  .description('A key vault for end-to-end encrypted backups')
  .showHelpAfterError('(--help says more)')
  .exitOverride()
  .addHelpText('after', '\nExit codes: 0 done, 1 failed (the message names what to do next), 2 wrong usage.');

for (const command of [...deviceCommands(), fleetCommands(), ceremonyCommands(), tokenCommands(), accountsCommands()])
  program.addCommand(inheriting(command, program));

/** Commander hands settings down only to commands that are made after them. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const one of command.commands) inheriting(one, command);
  return command;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    printError(error);
    process.exitCode = EXIT.failure;
  }
}
