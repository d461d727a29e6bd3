/** `holdfast log audit`: the whole transparency log, replayed and compared. */
import { Command } from 'commander';
import { auditLog, type LogAudit } from '../audit/log.ts';
import { systemClock } from '../base/ports.ts';
import { verifyP256 } from '../vault/unlock.ts';
import { caOption, explainOption, rootOption, seenOption, thirdPartiesOption } from './audit/options.ts';
import { keepSeen, readSeen } from './audit/seen.ts';
import { AUDIT_EXIT_CODES, showReport } from './audit/show.ts';
import { logSource, openWeb, readOption } from './audit/sources.ts';
import { print } from './report.ts';
import { plainLine } from './told.ts';

interface Options {
  readonly root: string;
  readonly log: string;
  readonly mirror?: readonly string[];
  readonly seen?: string;
  readonly thirdParties: number;
  readonly ca?: string;
  readonly explain?: true;
  readonly json?: true;
}

export function logCommands(): Command {
  return new Command('log').description('The transparency log of fleet entries').addCommand(audit());
}

function audit(): Command {
  return new Command('audit')
    .description('replay the whole log: every entry, its chain and signatures, the tree, what you saw before, and mirrors')
    .addOption(rootOption())
    .requiredOption('--log <place>', 'the address of the log, or a folder with a copy of it')
    .option('--mirror <places...>', 'other copies, to compare: a log that shows two pasts is found out by whoever has both')
    .addOption(seenOption())
    .addOption(thirdPartiesOption())
    .addOption(caOption())
    .addOption(explainOption())
    .option('--json', 'print JSON')
    .action(run)
    .addHelpText(
      'after',
      `
Examples:
  holdfast log audit --root root.json --log https://log.example.org --seen ~/.holdfast-log
  holdfast log audit --root root.json --log https://log.example.org --mirror https://mirror.example.net ./my-copy

${AUDIT_EXIT_CODES}`,
    );
}

async function run({ root, log, mirror = [], seen, thirdParties, ca, explain, json }: Options): Promise<void> {
  const web = await openWeb(ca);
  try {
    const report = await auditLog({
      root: await readOption('--root', root),
      log: logSource(log, web),
      mirrors: mirror.map((place) => logSource(place, web)),
      seen: await readSeen(seen),
      thirdParties,
      nowMs: systemClock(),
      verify: verifyP256,
    });
    if (!json) showChanges(report.changes);
    showReport(report, { json, explain });
    if (report.outcome === 'good') await keepSeen(seen, report.seenAfter);
  } finally {
    await web.close();
  }
}

function showChanges(changes: LogAudit['changes']): void {
  for (const { sequence, changed } of changes) {
    print(`entry ${sequence}`);
    for (const line of changed.length === 0 ? ['  no fleet and no key changed'] : changed) print(plainLine(`  ${line}`));
  }
  print('');
}
