/**
 * The command line of Holdfast. Each group of commands is a file beside this one; this file turns what they throw into a
 * message (error: CODE: what happened, and the next step) and an exit code (report.ts).
 */
import { Command, CommanderError } from 'commander';
import { EXIT, EXIT_CODES, exitCodeOf, printError, say } from './report.ts';
import { endWaiting, Stopped } from './waiting.ts';

type Load = () => Promise<readonly Command[]>;
const device: Load = async () => (await import('./device.ts')).deviceCommands();
const people = ['setup', 'backup', 'restore', 'status', 'passcode', 'recovery-code', 'key', 'key64', 'cancel', 'move', 'delete'];

/** Each loads what it needs: a node's process holds nothing of a person's device, and help is quick. */
const groups: Readonly<Record<string, Load>> = {
  ...Object.fromEntries(people.map((name) => [name, device])),
  fleet: async () => [(await import('./fleet.ts')).fleetCommands()],
  ceremony: async () => [(await import('./ceremony.ts')).ceremonyCommands()],
  token: async () => [(await import('./token.ts')).tokenCommands()],
  node: async () => [(await import('./node.ts')).nodeCommands()],
  custodian: async () => [(await import('./custodian.ts')).custodianCommands()],
  release: async () => [(await import('./release.ts')).releaseCommands()],
  accounts: async () => [(await import('./accounts.ts')).accountsCommands()],
  verify: async () => [(await import('./verify.ts')).verifyCommand()],
  log: async () => [(await import('./log.ts')).logCommands()],
  witness: async () => [(await import('./witness.ts')).witnessCommands()],
};

const program = new Command('holdfast')
  .description('A key vault for end-to-end encrypted backups')
  .showHelpAfterError('(--help says more)')
  .exitOverride()
  .addHelpText('after', `\n${EXIT_CODES}`);

const asked = groups[process.argv[2] ?? ''];
const loads = asked === undefined ? [...new Set(Object.values(groups))] : [asked];
for (const command of (await Promise.all(loads.map((load) => load()))).flat()) program.addCommand(inheriting(command, program));

/** Commander hands settings down only to commands that are made after them. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const one of command.commands) inheriting(one, command);
  return command;
}

try {
  await program.parseAsync();
} catch (error) {
  endWaiting();
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof Stopped) {
    say('stopped: nothing is half done. Run it again when you like: it begins anew.');
    process.removeAllListeners(error.signal);
    // Whoever started this is to know: a loop of a shell ends too.
    process.kill(process.pid, error.signal);
  } else {
    printError(error, process.argv.includes('--json'));
    process.exitCode = exitCodeOf(error);
  }
}
