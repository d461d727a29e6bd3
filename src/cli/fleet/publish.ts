/**
 * `holdfast fleet publish`, `refresh` and `retire`: what an operator does so that clients learn the keys of its fleets over the
 * air (docs/transparency.md). Each may be interrupted anywhere and run again.
 */
import { mkdirSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Id } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { verifyTranscript } from '../../ceremony/verify.ts';
import { readOperatorConfig } from '../../operator/config.ts';
import type { Desk } from '../../operator/desk.ts';
import { withDesk } from '../../operator/open-desk.ts';
import { type Published, publish, refresh } from '../../operator/publish.ts';
import { print, printJson, say, spoken } from '../report.ts';
import { locked } from './lock.ts';

interface Absence {
  readonly without?: readonly string[];
  readonly counting?: readonly string[];
}

const without = (): Option =>
  new Option('--without <node...>', 'nodes that are lost: the entry states that they do not sign it, now and until --counting');
const counting = (): Option => new Option('--counting <node...>', 'nodes that were lost and sign again');

const absenceIn = (desk: Desk, { without: lost = [], counting: back = [] }: Absence): { without: Id[]; counting: Id[] } => ({
  without: lost.map((name) => nodeNamed(desk, name)),
  counting: back.map((name) => nodeNamed(desk, name)),
});

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
      .addOption(without())
      .addOption(counting())
      .action((options: Options & Absence & { renew?: true }) =>
        run(options, (desk) => publish(desk, { renew: options.renew, ...absenceIn(desk, options) })),
      )
      .addHelpText(
        'after',
        example(
          'holdfast fleet publish --config /etc/holdfast/operator.json',
          'holdfast fleet publish --renew --without node-3 --config operator.json',
        ),
      ),
    command('refresh', 'countersign the log anew, and hand a bundle with fresh cosignatures to the nodes: weekly, from a timer')
      .action((options: Options) => run(options, refresh))
      .addHelpText('after', example('holdfast fleet refresh --config /etc/holdfast/operator.json --json')),
    command('retire', 'publish that a fleet is to be left: clients move their keys to an active one')
      .argument('<fleet>', 'its id, or the beginning of it')
      .option('--retired', 'that its sealing keys are destroyed: nothing can be recovered from it any more')
      .addOption(without())
      .addOption(counting())
      .action((fleet: string, options: Options & Absence & { retired?: true }) =>
        run(options, (desk) => {
          const change = { fleet: fleetNamed(desk, fleet), to: options.retired ? 'retired' : 'retiring' } as const;
          return publish(desk, { change, ...absenceIn(desk, options) });
        }),
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
  const published = await locked(config.stateDir, () => withDesk(config, { entryOf, report, trace: spoken() }, work));
  if (json) return printJson(published);
  const { sequence, entry, bundle, size, admitted, serving, silent } = published;
  print(`${admitted ? 'Published' : 'Handed out again:'} entry ${sequence} of ${size}: ${entry}`);
  print(`Bundle:  ${bundle}`);
  print(`Served by ${serving.join(', ')}`);
  for (const { node, why } of silent) say(`note: ${node} takes it from the others: ${why}`);
}

/** @throws `not-found` */
function fleetNamed({ fleets }: Desk, wanted: string): Id {
  return theOne(
    fleets.filter(({ id }) => id.startsWith(wanted)),
    'fleet',
    wanted,
  );
}

/** By its name, or where two fleets have a node of that name, by its id. @throws `not-found` */
function nodeNamed({ fleets }: Desk, wanted: string): Id {
  const nodes = fleets.flatMap((fleet) => fleet.nodes);
  return theOne(
    nodes.filter(({ id, name }) => name === wanted || id.startsWith(wanted)),
    'node',
    wanted,
  );
}

function theOne(found: readonly { readonly id: unknown }[], what: string, wanted: string): Id {
  const [one] = found;
  if (one === undefined || found.length > 1)
    return fail('not-found', `${found.length === 0 ? 'no' : 'more than one'} ${what} of the configuration is called so`, { wanted });
  return one.id as Id;
}
