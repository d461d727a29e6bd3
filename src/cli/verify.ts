/** `holdfast verify`: whether a fleet's keys are what they should be, as anyone can check it. */
import { Command } from 'commander';
import type { Audited } from '../audit/views.ts';
import { examine } from './audit/examine.ts';
import { allowSimulatedOption, caOption, explainOption, rootOption, seenOption, thirdPartiesOption } from './audit/options.ts';
import { keepSeen, readSeen } from './audit/seen.ts';
import { AUDIT_EXIT_CODES, showReport } from './audit/show.ts';
import { openWeb, readOption } from './audit/sources.ts';
import { print } from './report.ts';
import { plainLine } from './told.ts';

interface Options {
  readonly root: string;
  readonly url?: readonly string[];
  readonly live?: true;
  readonly thirdParties: number;
  readonly allowSimulated?: true;
  readonly seen?: string;
  readonly ca?: string;
  readonly explain?: true;
  readonly json?: true;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      "whether a fleet's keys are what they should be: who signed them, in which log, how fresh, and with --live what the nodes say now",
    )
    .argument('[what]', 'a bundle, a folder of evidence, or the address of a node or of an evidence page')
    .addOption(rootOption())
    .option('--url <nodes...>', 'also the bundles that these nodes serve, against each other')
    .option('--live', 'ask every node of the entry for a signed statement over a fresh nonce')
    .addOption(thirdPartiesOption())
    .addOption(allowSimulatedOption())
    .addOption(seenOption())
    .addOption(caOption())
    .addOption(explainOption())
    .option('--json', 'print JSON')
    .action(run)
    .addHelpText(
      'after',
      `
Examples:
  holdfast verify https://node-1.example.org --root root.json --live
  holdfast verify ./evidence --root root.json
  holdfast verify https://evidence.example.org --root root.json
  holdfast verify bundle.json --root root.json --url https://node-1.example.org https://node-2.example.org

${AUDIT_EXIT_CODES}`,
    );
}

async function run(what: string | undefined, options: Options, command: Command): Promise<void> {
  const places = [...(what === undefined ? [] : [what]), ...(options.url ?? [])];
  if (places.length === 0) command.error('error: name a bundle, a folder or an address, or give --url');
  const root = await readOption('--root', options.root);
  const seen = await readSeen(options.seen);
  const web = await openWeb(options.ca);
  try {
    const policy = { thirdParties: options.thirdParties, allowSimulated: options.allowSimulated ?? false };
    const { report, newest } = await examine({ places, root, seen, policy, live: options.live ?? false, web });
    const looked = identify(newest);
    if (!options.json) print(plainLine(looked.entry === undefined ? 'No bundle whose keys are certain.' : lookedAt(looked)));
    showReport(report, options, looked);
    if (report.outcome === 'good') await keepSeen(options.seen, newest?.trusted?.seenAfter);
  } finally {
    await web.close();
  }
}

interface Looked {
  readonly from?: string;
  readonly bundle?: string;
  readonly entry?: string;
  readonly sequence?: number;
  readonly namespace?: string;
}

/** What was looked at in full. */
function identify(newest: Audited | undefined): Looked {
  if (newest === undefined) return {};
  const { from, trusted } = newest;
  if (trusted === undefined) return { from };
  const { entry, bundle } = trusted;
  return { from, bundle: bundle.digest, entry: entry.digest, sequence: entry.sequence, namespace: entry.namespace };
}

/** First of all, so that nobody takes the verdict for one on something else. */
function lookedAt({ from, entry, sequence, namespace }: Looked): string {
  return `Looked at entry ${sequence} of ${namespace}, from ${from}: ${entry}`;
}
