/**
 * The command line of Holdfast. Each group of commands is a file beside this one; this file turns what they throw into a
 * message and an exit code: 0 done, 1 failed (error: CODE: message, and the next step), 2 wrong usage.
 */
import { Command, CommanderError } from 'commander';
import { EXIT, printError } from './report.ts';

/** Each loads what it needs: a node's process holds nothing of a person's device, and help is quick. */
const groups: Readonly<Record<string, () => Promise<readonly Command[]>>> = {
  device: async () => (await import('./device.ts')).deviceCommands(),
  fleet: async () => [(await import('./fleet.ts')).fleetCommands()],
  ceremony: async () => [(await import('./ceremony.ts')).ceremonyCommands()],
  token: async () => [(await import('./token.ts')).tokenCommands()],
  node: async () => [(await import('./node.ts')).nodeCommands()],
  accounts: async () => [(await import('./accounts.ts')).accountsCommands()],
};

const program = new Command('holdfast')
  .description('A key vault for end-to-end encrypted backups')
  .showHelpAfterError('(--help says more)')
  .exitOverride()
  .addHelpText('after', '\nExit codes: 0 done, 1 failed (the message names what to do next), 2 wrong usage.');

const asked = groups[process.argv[2] ?? ''];
const commands = asked === undefined ? (await Promise.all(Object.values(groups).map((load) => load()))).flat() : await asked();
for (const command of commands) program.addCommand(inheriting(command, program));

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
