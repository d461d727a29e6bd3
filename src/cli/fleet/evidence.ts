/** `holdfast fleet evidence`: publishes what anybody needs to check a fleet's keys, as static files (docs/transparency.md, "Evidence"). */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { type Composed, compose } from '../../audit/evidence/compose.ts';
import { signList } from '../../audit/evidence/list-note.ts';
import type { Listed } from '../../audit/evidence/listing.ts';
import { folderName, LIST_NOTE_FILE } from '../../audit/evidence/publication.ts';
import { DEVELOPMENT, UNSIGNED } from '../../audit/evidence/words.ts';
import { fail, HoldfastError } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import { type OperatorConfig, readOperatorConfig } from '../../operator/config.ts';
import { openCosigningKey } from '../../operator/keys.ts';
import { rootsIn } from '../../operator/open-desk.ts';
import { parseBundle } from '../../trust/bundle.ts';
import { parseSignedEntry } from '../../trust/signed-entry.ts';
import { print, printJson, say, spoken } from '../report.ts';
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
  readonly unsigned?: true;
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
    .option(
      '--unsigned',
      "without the operator's key, as anybody can who is not the operator: it says so, and verifiers cannot tell who published",
    )
    .option('--json', 'print JSON')
    .action(run)
    .addHelpText(
      'after',
      `
The operator's countersigning key signs the list of files: the command waits for its custodians where it has some.
Without --config it is the fleet in --dir that is published: for development, and every page says so.

Examples:
  holdfast fleet evidence --publish /srv/www/evidence --config operator.json
  holdfast fleet evidence --publish /tmp/evidence
  holdfast verify /tmp/evidence --root .holdfast/root.json --allow-simulated`,
    );
}

async function run({ publish, dir, config: file, files = [], page, unsigned, json }: Options): Promise<void> {
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
    const composed = unsigned
      ? compose({ ...gathered, previous })
      : await signed(config, (signer) => compose({ ...gathered, previous, signer }));
    published.add(composed);
    return { listed: composed.listed, added: true };
  });
  if (json) return printJson({ ...listed, place: join(folder, listed.folder), added });
  if (unsigned) say(`warning: ${UNSIGNED}`);
  show(folder, listed, added);
}

/** With the operator's signature of its list. @throws what the token refuses with */
async function signed(config: OperatorConfig, composing: (signer: string) => Composed): Promise<Composed> {
  const { operator: vkey } = rootsIn(config).latest;
  const { pinFile } = config.token;
  const beside = pinFile && join(dirname(pinFile), 'softhsm2.conf');
  // SoftHSM reads it when the module is loaded, which has not happened yet.
  if (beside && existsSync(beside)) process.env['SOFTHSM2_CONF'] = beside;
  const key = await openCosigningKey(config, vkey, { trace: spoken(), stop: new AbortController().signal }).catch((error: unknown) => {
    if (!(error instanceof HoldfastError)) throw error;
    return fail(error.code, `${error.message}. Whoever has not the operator's key publishes with --unsigned`, error.evidence, error);
  });
  try {
    const composed = composing(vkey.text);
    const timeSeconds = Math.floor(systemClock() / 1000);
    const note = await signList(composed.listed, { vkey, sign: key.sign, timeSeconds });
    return { ...composed, files: new Map([...composed.files, [LIST_NOTE_FILE, note]]) };
  } finally {
    await key.close();
  }
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
