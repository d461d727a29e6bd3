/** `holdfast witness`: a witness, with or without a log of its own, as its organisation runs it. */
import { Command } from 'commander';
import { toBase64url } from '../base/bytes.ts';
import { readConfig } from '../witness/config.ts';
import { startWitness } from '../witness/main.ts';
import { setUpWitness } from '../witness/setup.ts';
import { foreground } from './foreground.ts';
import { print, printJson, spoken } from './report.ts';

export function witnessCommands(): Command {
  const group = new Command('witness').description('Keep a transparency log of fleet entries, and cosign logs');
  group
    .command('setup')
    .description('once, before the first start: make the record and, in a token that was initialised, the keys')
    .requiredOption('--config <file>', 'its configuration (docs/witness.md)')
    .option('--json', 'print JSON')
    .action(async ({ config, json }: { config: string; json?: true }) => {
      const { witness, log, tls } = await setUpWitness(readConfig(config), { trace: spoken(), stop: new AbortController().signal });
      const tlsKey = toBase64url(tls);
      if (json) return printJson({ witness: witness.text, ...(log && { log: log.text }), tlsKey });
      if (log !== undefined) print(`log      ${log.text}`);
      print(`witness  ${witness.text}`);
      print(`tls key  ${tlsKey}`);
    });
  group
    .command('start')
    .description('run it until SIGTERM or SIGINT; a second one ends it at once')
    .requiredOption('--config <file>', 'its configuration (docs/witness.md)')
    .action(async ({ config }: { config: string }) => {
      const read = readConfig(config);
      await foreground(
        (stop) => startWitness(read, stop),
        read.shutdownMs,
        ({ name, public: all, operator }) => {
          const operators = operator === undefined ? '' : `, operator ${operator.host}:${operator.port}`;
          return `witness ${name}: everyone ${all.host}:${all.port}${operators}`;
        },
      );
    });
  return group.addHelpText(
    'after',
    `
Setup makes each key once and replaces none: run again, it prints the same.

Examples:
  holdfast witness setup --config /etc/holdfast/witness.json
  holdfast witness start --config /etc/holdfast/witness.json
  curl https://witness.example.org/checkpoint`,
  );
}
