/** `holdfast node`: one vault node in the foreground, as a service manager runs it. */
import { Command } from 'commander';
import { systemClock } from '../base/ports.ts';
import { readConfig } from '../node/config.ts';
import { startNode } from '../node/main.ts';
import { foreground } from './foreground.ts';

export function nodeCommands(): Command {
  const group = new Command('node').description('Run one vault node');
  group
    .command('start')
    .description('run a node until SIGTERM or SIGINT; a second one ends it at once')
    .requiredOption('--config <file>', 'its configuration (docs/configuration.md)')
    .option('--heal', 'its store was lost: read the records of the other nodes before it votes. One node at a time')
    .action(async ({ config, heal }: { config: string; heal?: true }) => {
      const read = readConfig(config);
      await foreground(
        (stop) => startNode(read, stop, systemClock, heal),
        read.shutdownMs,
        (node) => `node ${node.self}: clients ${node.public.host}:${node.public.port}, peers ${node.peer.host}:${node.peer.port}`,
      );
    });
  return group.addHelpText(
    'after',
    '\nExamples:\n  holdfast node start --config /etc/holdfast/node.json\n  holdfast node start --config /etc/holdfast/node.json --heal     # its dataDir was lost',
  );
}
