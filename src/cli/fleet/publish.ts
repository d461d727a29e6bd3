/**
 * `holdfast fleet publish`, `refresh` and `retire`: what an operator does so that clients learn the keys of its fleets over the
 * air (docs/transparency.md). Each may be interrupted anywhere and run again.
 */
import { mkdirSync } from 'node:fs';
import { Command } from 'commander';
import type { Id } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { verifyTranscript } from '../../ceremony/verify.ts';
import { readOperatorConfig } from '../../operator/config.ts';
import type { Desk } from '../../operator/desk.ts';
import { withDesk } from '../../operator/open-desk.ts';
import { type Published, publish, refresh } from '../../operator/publish.ts';
import { print, printJson, say } from '../report.ts';
import { locked } from './lock.ts';

interface Options {
  readonly config: string;
  readonly json?: true;
}

export function publishCommands(): readonly Command[] {
  const command = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .requiredOption('--config <file>', "the operator's configuration (docs/operator.md)")
      .option('--json', 'print JSON');
  return [
    command('publish', 'put what the configuration says of the fleets into the log, countersign it, and hand the bundle to the nodes')
      .option('--renew', 'a new entry although nothing changed, for a new time of validity')
      .action((options: Options & { renew?: true }) => run(options, (desk) => publish(desk, { renew: options.renew })))
      .addHelpText('after', example('holdfast fleet publish --config /etc/holdfast/operator.json')),
    command('refresh', 'countersign the log anew, and hand a bundle with fresh cosignatures to the nodes: weekly, from a timer')
      .action((options: Options) => run(options, refresh))
      .addHelpText('after', example('holdfast fleet refresh --config /etc/holdfast/operator.json --json')),
    command('retire', 'publish that a fleet is to be left: clients move their keys to an active one')
      .argument('<fleet>', 'its id, or the beginning of it')
      .option('--retired', 'that its sealing keys are destroyed: nothing can be recovered from it any more')
      .action((fleet: string, options: Options & { retired?: true }) =>
        run(options, (desk) => publish(desk, { change: { fleet: fleetNamed(desk, fleet), to: options.retired ? 'retired' : 'retiring' } })),
      )
      .addHelpText(
        'after',
        example('holdfast fleet retire 3b4c2f6a --config operator.json', 'holdfast fleet retire 3b4c2f6a --retired --config operator.json'),
      ),
  ];
}

const example = (...lines: readonly string[]): string => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;

async function run({ config: file, json }: Options, work: (desk: Desk) => Promise<Published>): Promise<void> {
  const config = readOperatorConfig(file);
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
  const entryOf = (transcript: string) => verifyTranscript(transcript).entry;
  const report = ({ words }: { readonly words: string }) => say(words);
  const published = await locked(config.stateDir, () => withDesk(config, { entryOf, report }, work));
  if (json) return printJson(published);
  const { sequence, entry, bundle, size, admitted, serving, silent } = published;
  print(`${admitted ? 'Published' : 'Handed out again:'} entry ${sequence} of ${size}: ${entry}`);
  print(`Bundle:  ${bundle}`);
  print(`Served by ${serving.join(', ')}`);
  for (const { node, why } of silent) say(`note: ${node} takes it from the others: ${why}`);
}

/** @throws `not-found` */
function fleetNamed({ fleets }: Desk, wanted: string): Id {
  const found = fleets.filter(({ id }) => id.startsWith(wanted));
  const [one] = found;
  if (one === undefined || found.length > 1)
    return fail('not-found', `${found.length === 0 ? 'no fleet' : 'more than one fleet'} of the configuration begins so`, { wanted });
  return one.id as Id;
}
