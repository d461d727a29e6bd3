/** `holdfast verify`: whether a fleet's keys are what they should be, as anyone can check it. */
import { Command } from 'commander';
import { auditBundle, BUNDLE_PROVES_NOT } from '../audit/bundle.ts';
import { auditFiles } from '../audit/evidence-files.ts';
import { auditLive, LIVE_PROVES_NOT } from '../audit/live.ts';
import { type Finding, reportOf } from '../audit/report.ts';
import { type Audited, compareBundles, newestAudited } from '../audit/views.ts';
import { systemClock, systemRandom } from '../base/ports.ts';
import { verifyP256 } from '../vault/unlock.ts';
import { type FoundBundle, findBundle } from './audit/bundles.ts';
import { allowSimulatedOption, caOption, rootOption, seenOption, thirdPartiesOption } from './audit/options.ts';
import { keepSeen, readSeen } from './audit/seen.ts';
import { AUDIT_EXIT_CODES, showReport } from './audit/show.ts';
import { openWeb, readOption, type Web } from './audit/sources.ts';

interface Options {
  readonly root: string;
  readonly url?: readonly string[];
  readonly live?: true;
  readonly thirdParties: number;
  readonly allowSimulated?: true;
  readonly seen?: string;
  readonly ca?: string;
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
    .option('--json', 'print JSON')
    .action(run)
    .addHelpText(
      'after',
      `
Examples:
  holdfast verify https://node-1.example.org --root root.json --live
  holdfast verify ./evidence --root root.json
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
    const found = await Promise.all(places.map((place) => findBundle(place, web)));
    const bundles = found.filter((one): one is FoundBundle => 'text' in one);
    const missing = found.filter((one): one is Finding => !('text' in one));
    const policy = { thirdParties: options.thirdParties, allowSimulated: options.allowSimulated ?? false };
    const checking = { roots: root, policy, nowMs: systemClock(), seen, verify: verifyP256 };
    const audited = bundles.map(({ from, text }): Audited => ({ from, ...auditBundle(text, checking) }));
    const newest = newestAudited(audited);
    const refused = audited.filter((one) => one !== newest).flatMap(badOf);
    const files = bundles.find(({ from }) => from === newest?.from)?.files;
    const findings = [
      ...missing,
      ...compareBundles(audited),
      ...refused,
      ...(newest?.findings ?? []),
      ...(newest?.trusted && files ? auditFiles(newest.trusted.entry, files) : []),
      ...(newest?.trusted && options.live ? await live(newest.trusted.entry, web, policy.allowSimulated) : []),
    ];
    const report = reportOf(findings, [...BUNDLE_PROVES_NOT, ...(options.live ? [LIVE_PROVES_NOT] : [])]);
    showReport(report, options.json, identify(newest));
    if (report.outcome === 'good') await keepSeen(options.seen, newest?.trusted?.seenAfter);
  } finally {
    await web.close();
  }
}

/** Of a bundle that is not the one looked at in full: only what does not hold, and where it came from. */
function badOf({ from, findings }: Audited): readonly Finding[] {
  return findings.filter(({ result }) => result === 'bad').map((one) => ({ ...one, evidence: { ...one.evidence, from } }));
}

function live(entry: Parameters<typeof auditLive>[0], web: Web, allowSimulated: boolean): Promise<readonly Finding[]> {
  return auditLive(entry, { fetchText: web.text, random: systemRandom, verify: verifyP256, allowSimulated });
}

/** What was looked at. */
function identify(newest: Audited | undefined): object {
  if (newest === undefined) return {};
  const { from, trusted } = newest;
  if (trusted === undefined) return { from };
  const { entry, bundle } = trusted;
  return { from, bundle: bundle.digest, entry: entry.digest, sequence: entry.sequence, namespace: entry.namespace };
}
