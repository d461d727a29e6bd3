/** `holdfast token check`: what the security module at hand can do, and what of a node's it holds. Changes nothing. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { HoldfastError } from '../base/errors.ts';
import type { TokenPlace } from '../ceremony/creation-process.ts';
import type { Facts } from '../ceremony/plan.ts';
import { RemoteCreation } from '../ceremony/remote-creation.ts';
import { readConfig } from '../node/config.ts';
import { NODE_KEYS } from '../token/index.ts';
import { type Cell, EXIT, print, printJson, printTable } from './report.ts';

interface Options extends Partial<TokenPlace> {
  readonly config?: string;
  readonly json?: true;
}

export function tokenCommands(): Command {
  const group = new Command('token').description('Look at a security module');
  group
    .command('check')
    .description('probe what the token can do, by doing it with objects that are gone afterwards; read its keys and counters back')
    .option('--config <file>', 'the one that the configuration of a node names')
    .option('--module <path>', 'or else: the PKCS#11 module,')
    .option('--label <label>', 'CKA_LABEL of the token,')
    .option('--pin-file <file>', "and a file with the user's PIN in its first line")
    .option('--profile <name>', 'instead of recognising the device (src/token/profiles.ts)')
    .option('--json', 'print JSON')
    .action(async (options: Options, command: Command) => {
      const found = await inspect(placeOf(options) ?? command.error('error: expected --config, or --module, --label and --pin-file'));
      if (options.json) printJson(found);
      else show(found);
      if (found.keys.some(({ problem }) => problem !== undefined)) process.exitCode = EXIT.failure;
    });
  return group.addHelpText(
    'after',
    `
A SoftHSM is found through softhsm2.conf beside the PIN file, or else through SOFTHSM2_CONF.

Examples:
  holdfast token check --config .holdfast/node-1/node.json
  holdfast token check --module /usr/lib/softhsm/libsofthsm2.so --label node-1 --pin-file .holdfast/node-1/pin`,
  );
}

interface Inspection {
  readonly token: Facts;
  readonly keys: readonly { readonly label: string; readonly facts?: Facts; readonly problem?: string }[];
  readonly pages?: Facts;
}

function placeOf({ config, module, label, pinFile, profile }: Options): TokenPlace | undefined {
  const named = config === undefined ? { module, label, pinFile, profile } : readConfig(config).token;
  if (named.module === undefined || named.label === undefined || named.pinFile === undefined) return undefined;
  return { module: named.module, label: named.label, pinFile: named.pinFile, ...(named.profile && { profile: named.profile }) };
}

async function inspect(place: TokenPlace): Promise<Inspection> {
  const beside = join(dirname(resolve(place.pinFile)), 'softhsm2.conf');
  const token = new RemoteCreation(place, existsSync(beside) ? { SOFTHSM2_CONF: beside } : {});
  try {
    const probed = await token.probe();
    const keys: Inspection['keys'][number][] = [];
    for (const spec of Object.values(NODE_KEYS)) {
      keys.push({
        label: spec.label,
        ...(await token.readKey(spec).then(
          (facts) => (facts === undefined ? { problem: 'it is not there' } : { facts }),
          (error: HoldfastError) => ({ problem: error.message }),
        )),
      });
    }
    const tagged = keys.some(({ label: name, facts }) => name === NODE_KEYS.tags.label && facts !== undefined);
    const pages = tagged ? await token.readPages() : undefined;
    return { token: probed, keys, ...(pages && { pages }) };
  } finally {
    token.close();
  }
}

function show({ token, keys, pages }: Inspection): void {
  for (const [name, value] of Object.entries(token)) print(`${name.padEnd(13)} ${String(value)}`);
  print(`${'counters'.padEnd(13)} ${pages === undefined ? 'no pages' : `${pages['pages']} pages, commit sequence ${pages['sequence']}`}\n`);
  printTable(['KEY', 'STATE', 'MECHANISMS', 'PUBLIC KEY'], keys.map(row));
}

function row({ label, facts, problem }: Inspection['keys'][number]): Cell[] {
  if (facts === undefined) return [{ text: label }, { text: problem ?? '', colour: 'red' }];
  const attributes = facts['attributes'] as Facts;
  return [
    { text: label },
    { text: 'made inside, stays inside', colour: 'green' },
    { text: String(attributes['ALLOWED_MECHANISMS']) },
    { text: String(facts['publicKey'] ?? '-') },
  ];
}
