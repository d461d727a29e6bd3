/** `holdfast token check`: what the security module at hand can do, and what of a node's it holds. Changes nothing. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { readable } from '../custody/pin.ts';
import { type Config, readConfig } from '../node/config.ts';
import { inspectToken, type TokenConfig } from '../token/index.ts';
import { type Cell, EXIT, print, printJson, printTable } from './report.ts';

interface Options {
  readonly config?: string;
  readonly module?: string;
  readonly label?: string;
  readonly pinFile?: string;
  readonly pinFd?: number;
  readonly profile?: string;
  readonly json?: true;
}

type Report = ReturnType<typeof inspectToken>;

export function tokenCommands(): Command {
  const group = new Command('token').description('Look at a security module');
  group
    .command('check')
    .description('probe what the token can do, by doing it; read its keys and counters back; try what it should refuse')
    .option('--config <file>', 'the one that the configuration of a node names')
    .option('--module <path>', 'or else: the PKCS#11 module,')
    .option('--label <label>', 'CKA_LABEL of the token,')
    .option('--pin-file <file>', "and a file with the user's PIN in its first line,")
    .option('--pin-fd <n>', 'or a file descriptor to read the PIN from, also in place of what the configuration says', Number)
    .option('--profile <name>', 'instead of recognising the device (src/token/profiles.ts)')
    .option('--json', 'print JSON')
    .action((options: Options, command: Command) => {
      const place = placeOf(options) ?? command.error('error: expected --config, or --module, --label and --pin-file or --pin-fd');
      const report = inspectToken(opened(place));
      if (options.json) printJson(report);
      else show(report);
      if (problems(report) > 0) process.exitCode = EXIT.failure;
    });
  return group.addHelpText(
    'after',
    `
It may be run beside the node that uses the token. A SoftHSM is found through softhsm2.conf beside the PIN file, or else
through SOFTHSM2_CONF. Ends with 1 when a node could not start with this token.

Examples:
  holdfast token check --config .holdfast/node-1/node.json
  holdfast token check --module /usr/lib/softhsm/libsofthsm2.so --label node-1 --pin-file .holdfast/node-1/pin`,
  );
}

type Place = Omit<TokenConfig, 'pin'> & { readonly source: Pick<Config['token'], 'label' | 'pinFile' | 'pin'> };

function placeOf({ config, module, label, pinFile, pinFd, profile }: Options): Place | undefined {
  if (config !== undefined) {
    const { token } = readConfig(config);
    const { profile: named, initString } = token;
    const source = pinFd === undefined ? token : { label: token.label, pin: { fd: pinFd } };
    return { module: token.module, label: token.label, source, ...(named && { profile: named }), ...(initString && { initString }) };
  }
  if (module === undefined || label === undefined || (pinFile === undefined) === (pinFd === undefined)) return undefined;
  const source = { label, ...(pinFile !== undefined && { pinFile }), ...(pinFd !== undefined && { pin: { fd: pinFd } }) };
  return { module, label, source, ...(profile && { profile }) };
}

function opened({ source, ...place }: Place): TokenConfig {
  const beside = source.pinFile && join(dirname(resolve(source.pinFile)), 'softhsm2.conf');
  // SoftHSM reads it when the module is loaded, which has not happened yet.
  if (beside && existsSync(beside)) process.env['SOFTHSM2_CONF'] = beside;
  return { ...place, pin: readable(source) };
}

const problems = ({ suite, keys, counters }: Report): number =>
  [suite, counters, ...Object.values(keys)].filter((finding) => 'problem' in finding).length;

function show(report: Report): void {
  const { suite, counters, misuse, simulated } = report;
  const lines: readonly (readonly [string, string])[] = [
    ['token', `${report.label}, serial ${report.serial}`],
    ['device', `${report.manufacturer}, ${report.model}, firmware ${report.firmware}`],
    ['profile', `${report.profile}${report.profileTried ? '' : ' (never tried on a device: it is from the manual)'}`],
    ['class', `${report.class}${simulated ? ', simulated: it protects nothing' : ''}`],
    [
      'shares',
      'found' in suite ? `opened and used inside as RFC 9497 says (AES-KWP 0x${suite.found.wrapping.toString(16)})` : suite.problem,
    ],
    ['counters', 'found' in counters ? `${counters.found.pages} pages, ${counters.found.slots} slots in use` : counters.problem],
    [
      'misuse',
      misuse.length === 0
        ? 'not tried: keys are missing'
        : `${misuse.filter(({ refused }) => refused).length} of ${misuse.length} attempts refused`,
    ],
    ...misuse.filter(({ refused }) => !refused).map(({ attempt }) => ['', `open: ${attempt}`] as const),
  ];
  for (const [name, text] of lines) print(`${name.padEnd(10)}${text}`);
  print('');
  printTable(['KEY', 'STATE', 'MECHANISMS'], Object.entries(report.keys).map(row));
}

function row([label, finding]: [string, Report['keys'][string]]): Cell[] {
  if ('problem' in finding) return [{ text: label }, { text: finding.problem, colour: 'red' }];
  const { ALLOWED_MECHANISMS } = finding.found.attributes;
  return [{ text: label }, { text: 'made inside, never left', colour: 'green' }, { text: String(ALLOWED_MECHANISMS) }];
}
