/** `holdfast node`: one vault node in the foreground, as a service manager runs it. */
import { Command } from 'commander';
import { fail } from '../base/errors.ts';
import { readConfig } from '../node/config.ts';
import { startNode } from '../node/main.ts';
import { EXIT, say } from './report.ts';

/** Beyond the time for running requests: the deadline of one call to the token. */
const HANG_MS = 10_000;

export function nodeCommands(): Command {
  const group = new Command('node').description('Run one vault node');
  group
    .command('start')
    .description('run a node until SIGTERM or SIGINT; a second one ends it at once')
    .requiredOption('--config <file>', 'its configuration (docs/configuration.md)')
    .action(async ({ config }: { config: string }) => {
      const stop = new AbortController();
      const asked = new Promise<undefined>((resolve) => stop.signal.addEventListener('abort', () => resolve(undefined)));
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
      const read = readConfig(config);
      const node = await startNode(read, stop.signal).catch((error: unknown) => {
        if (error !== stop.signal.reason) throw error;
      });
      if (node === undefined) return say('stopped before it had the PIN of its token');
      say(`node ${node.self}: clients ${node.public.host}:${node.public.port}, peers ${node.peer.host}:${node.peer.port}`);
      const spent = await Promise.race([asked, node.spent]);
      // Nothing is lost that was acknowledged: a node that hangs is as good as one that was killed.
      setTimeout(() => process.exit(EXIT.failure), read.shutdownMs + HANG_MS).unref();
      await node.close();
      if (spent !== undefined) fail('token-unavailable', `${spent}: start this node anew`);
    });
  return group.addHelpText('after', '\nExample:\n  holdfast node start --config /etc/holdfast/node.json');
}
