/** `holdfast fleet evidence`: publishes what anybody needs to check a fleet's keys, as static files (docs/transparency.md, "Evidence"). */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { compose } from '../../audit/evidence/compose.ts';
import type { Listed } from '../../audit/evidence/listing.ts';
import { folderName } from '../../audit/evidence/publication.ts';
import { DEVELOPMENT } from '../../audit/evidence/words.ts';
import { fail } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import { readOperatorConfig } from '../../operator/config.ts';
import { parseBundle } from '../../trust/bundle.ts';
import { parseSignedEntry } from '../../trust/signed-entry.ts';
import { print, printJson, say } from '../report.ts';
import { gather } from './evidence/material.ts';
import { Published } from './evidence/published.ts';
import { PROJECT, SIDES } from './layout.ts';
import { locked } from './lock.ts';
import { folderOption } from './options.ts';

/** Built by `npm run verify-page`; a release has it. */
const VERIFY_PAGE = join(PROJECT, 'share/verify.html');

interface Options {
  readonly publish: string;
  readonly dir: string;
  readonly config?: string;
  readonly files?: readonly string[];
  readonly page: string;
  readonly json?: true;
}

export function evidence(): Command {
  return new Command('evidence')
    .description(
      "publish what anybody needs to check the fleets' keys: a dated page with every claim, the command that checks it, and a feed",
    )
    .requiredOption('--publish <folder>', 'of all publications, to be served as it is by any web server; earlier ones are never changed')
    .option('--config <file>', "the operator's configuration (docs/operator.md)")
    .addOption(folderOption())
    .option('--files <files...>', 'what the entry names and the configuration does not: attestations')
    .option('--page <file>', 'the page that verifies in a browser', VERIFY_PAGE)
    .option('--json', 'print JSON')
    .action(run)
    .addHelpText(
      'after',
      `
Without --config it is the fleet in --dir that is published: for development, and every page says so.

Examples:
  holdfast fleet evidence --publish /srv/www/evidence --config operator.json
  holdfast fleet evidence --publish /tmp/evidence
  holdfast verify /tmp/evidence --root .holdfast/root.json --allow-simulated`,
    );
}

async function run({ publish, dir, config: file, files = [], page, json }: Options): Promise<void> {
  const config = readOperatorConfig(file ?? join(resolve(dir), SIDES.operator, SIDES.operatorConfig));
  const folder = resolve(publish);
  mkdirSync(folder, { recursive: true });
  const { listed, added } = await locked(folder, async () => {
    const published = new Published(folder);
    const gathered = await gather({ config, pageFile: page, moreFiles: files, nowMs: systemClock(), say });
    const { entry } = parseSignedEntry(parseBundle(gathered.bundle).entry);
    const there = published.listed(folderName(gathered.published, entry.sequence));
    if (there !== undefined) return { listed: sameAs(there, gathered.bundle, published), added: false };
    const { newest } = published;
    const previous = newest && { listed: newest, entry: published.read(newest, 'entry.json') };
    const composed = compose({ ...gathered, previous });
    published.add(composed);
    return { listed: composed.listed, added: true };
  });
  if (json) return printJson({ ...listed, place: join(folder, listed.folder), added });
  show(folder, listed, added);
}

function sameAs(there: Listed, bundle: string, published: Published): Listed {
  if (published.bundleOf(there) === bundle.trimEnd()) return there;
  return fail(
    'path',
    `${join(published.folder, there.folder)}: this entry was published today with other cosignatures. What is published stays as it is: run this again tomorrow`,
    {
      list: there.list,
    },
  );
}

function show(folder: string, { folder: name, sequence, list, development }: Listed, added: boolean): void {
  if (development) say(`warning: ${DEVELOPMENT}`);
  print(`${added ? 'Published' : 'Published already'}: entry ${sequence}, in ${join(folder, name)}`);
  print(`SHA-256 of its list of files: ${list}`);
  say(`Serve ${folder} with any web server. The commands of VERIFY.txt are run in a copy of ${name}.`);
}
