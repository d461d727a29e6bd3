/** `holdfast token check`: what the security module at hand can do, and what of a node's it holds. Changes nothing. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { HoldfastError } from '../base/errors.ts';
import type { Facts } from '../ceremony/plan.ts';
import { RemoteCreation } from '../ceremony/remote-creation.ts';
import { NODE_KEYS } from '../token/index.ts';
import { type Cell, EXIT, print, printJson, printTable } from './report.ts';

interface Options {
  readonly module: string;
  readonly label: string;
  readonly pinFile: string;
  readonly profile?: string;
  readonly json?: true;
}

export function tokenCommands(): Command {
  const group = new Command('token').description('Look at a security module');
  group
    .command('check')
    .description('probe what the token can do, by doing it with objects that are gone afterwards; read its keys and counters back')
    .requiredOption('--module <path>', 'the PKCS#11 module')
    .requiredOption('--label <label>', 'CKA_LABEL of the token')
    .requiredOption('--pin-file <file>', "file with the user's PIN in its first line")
    .option('--profile <name>', 'instead of recognising the device (src/token/profiles.ts)')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const found = await inspect(options);
      if (options.json) printJson(found);
      else show(found);
      if (found.keys.some(({ problem }) => problem !== undefined)) process.exitCode = EXIT.failure;
    });
  return group.addHelpText(
    'after',
    `
A SoftHSM is found through softhsm2.conf beside the PIN file, or else through SOFTHSM2_CONF.

Example:
  holdfast token check --module /usr/lib/softhsm/libsofthsm2.so --label node-1 --pin-file .holdfast/node-1/pin`,
  );
}

interface Inspection {
  readonly token: Facts;
  readonly keys: readonly { readonly label: string; readonly facts?: Facts; readonly problem?: string }[];
  readonly pages?: Facts;
}

async function inspect({ module, label, pinFile, profile }: Options): Promise<Inspection> {
  const beside = join(dirname(resolve(pinFile)), 'softhsm2.conf');
  const environment = existsSync(beside) ? { SOFTHSM2_CONF: beside } : {};
  const token = new RemoteCreation({ module, label, pinFile, ...(profile && { profile }) }, environment);
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
