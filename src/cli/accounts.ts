/** `holdfast accounts start`: the development account service. */
import { once } from 'node:events';
import { Command } from 'commander';
import { readAccountsConfig } from '../accounts/config.ts';
import { startAccounts } from '../accounts/service.ts';
import { say } from './report.ts';

export function accountsCommands(): Command {
  const group = new Command('accounts').description('The development account service: gives a pass to anyone who asks');
  group
    .command('start')
    .description('run it until it is told to stop (SIGTERM, SIGINT)')
    .requiredOption('--config <file>')
    .addHelpText('after', '\nExample:\n  holdfast accounts start --config .holdfast/accounts/accounts.json')
    .action(async ({ config }: { config: string }) => {
      const service = await startAccounts(readAccountsConfig(config));
      say(`accounts: for development only, anyone may log in as anyone: ${service.url}`);
      await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
      await service.close();
    });
  return group;
}
