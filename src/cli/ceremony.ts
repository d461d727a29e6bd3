/** `holdfast ceremony`: ceremonies planned, told, rehearsed, performed and verified. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { toId } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { systemClock } from '../base/ports.ts';
import { conduct, rehearse, TRANSCRIPT_FILE } from '../ceremony/conduct.ts';
import { dryRun } from '../ceremony/dry-run.ts';
import { kindOf, kinds } from '../ceremony/kinds.ts';
import { DEVELOPMENT_FLEET } from '../ceremony/plans/development-fleet.ts';
import { programDigest } from '../ceremony/program.ts';
import { printScript } from '../ceremony/script.ts';
import { handFromPem } from '../ceremony/signature.ts';
import { Transcript } from '../ceremony/transcript.ts';
import { verifyTranscript } from '../ceremony/verify.ts';
import { wordRows } from '../ceremony/words.ts';
import { Asker } from './ceremony/asker.ts';
import { type Chosen, parametersFor, readParametersFile } from './ceremony/parameters.ts';
import { showStep } from './ceremony/step.ts';
import { TerminalRoom } from './ceremony/terminal-room.ts';
import { showVerified } from './ceremony/verified.ts';
import { DEFAULT_FOLDER } from './fleet/layout.ts';
import { locked } from './fleet/lock.ts';
import { makeFleetIn } from './fleet/make.ts';
import { nodesOption, showProgress } from './fleet/options.ts';
import { print, printJson, say } from './report.ts';

const withPeople = kinds.filter(({ room }) => room !== undefined).map(({ name }) => name);
const all = kinds.map(({ name }) => name);

export function ceremonyCommands(): Command {
  const group = new Command('ceremony').description(
    'Make tokens, keys and what rests on them, step by step, before witnesses and on record',
  );
  const about = (command: string, description: string, plans: readonly string[]): Command =>
    group
      .command(command)
      .description(description)
      .addArgument(new Argument('<plan>', 'which ceremony').choices([...plans]));
  const parametersOption = (): Option => new Option('--parameters <file>', 'what was chosen beforehand, as "plan" prints it, filled in');

  about('plan', 'print the parameters of a ceremony, to be filled in', withPeople)
    .addOption(nodesOption())
    .option('--softhsm', 'with SoftHSM in place of devices: it protects nothing')
    .action((name: string, { nodes = 5, softhsm = false }: { nodes?: number; softhsm?: boolean }) => {
      printJson(kindOf(name).room?.template({ nodes, softhsm, nowMs: systemClock() }));
    });
  about('dry-run', 'say what would be done, every command and PKCS#11 call, and what must be true after each step', all)
    .addOption(nodesOption())
    .addOption(parametersOption())
    .action(async (name: string, chosen: Chosen) => print((await dryRun(name, await parametersFor(name, chosen))).trimEnd()));
  about('script', 'print the script for the people in the room', withPeople)
    .addOption(nodesOption())
    .addOption(parametersOption())
    .action(async (name: string, chosen: Chosen) => print(printScript(kindOf(name).plan(await parametersFor(name, chosen))).trimEnd()));
  about('rehearse', 'perform all of it on SoftHSM, in a folder that is thrown away, without people', withPeople)
    .addOption(nodesOption())
    .addOption(parametersOption())
    .option('--keep <folder>', 'keep what it makes, in this folder')
    .action(async (name: string, { keep, ...chosen }: Chosen & { keep?: string }) =>
      rehearseIn(name, await parametersFor(name, chosen), keep),
    );
  about('run', 'perform it, or go on where it was interrupted', all)
    .addOption(parametersOption())
    .addOption(nodesOption())
    .option('--dir <folder>', 'gets the transcript and all that becomes public')
    .option('--key <name=file>', 'the signing key of a person; asked for otherwise', collect)
    .action((name: string, options: Running, command: Command) => {
      if (options.dir === undefined && name !== DEVELOPMENT_FLEET)
        command.error('error: expected --dir: a folder of its own for each ceremony');
      return run(name, options);
    });
  group
    .command('verify')
    .description('check a transcript offline: chain, signatures, exceptions, every condition, and what follows from it')
    .option('--dir <folder>', 'of the ceremony: what follows is compared with the files in it', DEFAULT_FOLDER)
    .option('--transcript <file>', 'instead of the one in the folder')
    .option('--entry <file>', 'the fleet entry that is in use, to be compared')
    .option('--signer <name=key>', 'a signing key that you know from elsewhere: another one in the transcript is refused', collect)
    .option('--json', 'print JSON')
    .action(verify);
  group
    .command('key')
    .description('make the signing key of an operator or observer, and print what the parameters call "key"')
    .requiredOption('--out <file>', 'the new private key (Ed25519, PEM); "openssl pkcs8" puts a passphrase on it')
    .action(({ out }: { out: string }) => {
      const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      writeFileSync(out, pem, { mode: 0o600, flag: 'wx' });
      print(handFromPem(pem).key);
    });
  group
    .command('words')
    .description('print a digest as the words that are read aloud, to be brought on paper')
    .argument('[digest]', 'by default of this program, as a ceremony names it: run it on a machine of your own')
    .action((digest?: string) => {
      const shown = digest === undefined ? programDigest() : toId(digest);
      print([shown, ...wordRows(shown)].join('\n'));
    });
  return group.addHelpText('after', HELP);
}

const HELP = `
Ceremonies:
${kinds.map(({ name, about }) => `  ${name.padEnd(20)}${about}`).join('\n')}

Examples:
  holdfast ceremony key --out ada.key
  holdfast ceremony plan first-fleet --nodes 3 --softhsm > parameters.json
  holdfast ceremony dry-run first-fleet --parameters parameters.json
  holdfast ceremony script first-fleet --parameters parameters.json > script.md
  holdfast ceremony rehearse first-fleet --parameters parameters.json
  holdfast ceremony run first-fleet --parameters parameters.json --dir /tmp/fleet
  holdfast ceremony verify --dir /tmp/fleet`;

async function rehearseIn(name: string, parameters: unknown, keep: string | undefined): Promise<void> {
  const folder = keep === undefined ? mkdtempSync(join(tmpdir(), 'holdfast-rehearsal-')) : resolve(keep);
  try {
    const { head, signers } = await rehearse({ kind: name, folder, parameters, report: showProgress });
    say(`Rehearsed and verified: ${signers.length} people would have signed. Digest of the transcript's last line: ${head}`);
  } finally {
    if (keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

interface Running extends Chosen {
  readonly dir?: string;
  readonly key?: ReadonlyMap<string, string>;
}

async function run(name: string, { dir = DEFAULT_FOLDER, nodes, parameters, key = new Map() }: Running): Promise<void> {
  const folder = resolve(dir);
  const transcript = join(folder, TRANSCRIPT_FILE);
  if (name === DEVELOPMENT_FLEET) {
    await makeFleetIn(folder, nodes, showProgress);
    return print(transcript);
  }
  const begun = begunIn(transcript, name);
  const chosen =
    begun ??
    (parameters === undefined
      ? fail('configuration', 'a ceremony begins with --parameters', { plan: name })
      : readParametersFile(parameters));
  const { people, afterwards = [] } = kindOf(name).plan(chosen);
  if (people === undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const asker = new Asker();
  try {
    const room = new TerminalRoom(asker, people, key);
    await locked(folder, () => conduct({ kind: name, folder, parameters: chosen, room, report: showStep }));
  } finally {
    asker.close();
  }
  const { head } = new Transcript(transcript, systemClock);
  say(`\nThe ceremony is done. Write down the digest of the transcript's last line:\n  ${head}`);
  for (const row of wordRows(head)) say(`  ${row}`);
  say(`\nNext:`);
  for (const one of [`check it anywhere: holdfast ceremony verify --dir ${folder}`, ...afterwards]) say(`  * ${one}`);
  print(transcript);
}

/** The parameters of a ceremony that was begun: they count. @throws `configuration` when it is another one */
function begunIn(transcript: string, name: string): unknown {
  const [first] = new Transcript(transcript, systemClock).lines;
  if (first !== undefined && first.facts['plan'] !== name)
    fail('configuration', 'this folder holds another ceremony: take a folder of its own for each', { plan: String(first.facts['plan']) });
  return first?.facts['parameters'];
}

interface Verifying {
  readonly dir: string;
  readonly transcript?: string;
  readonly entry?: string;
  readonly signer?: ReadonlyMap<string, string>;
  readonly json?: true;
}

function verify({ dir, transcript, entry, signer = new Map(), json }: Verifying): void {
  const text = readFileSync(transcript ?? join(dir, TRANSCRIPT_FILE), 'utf8');
  const files = Object.keys(verifyTranscript(text).files);
  const there = transcript === undefined ? files.filter((file) => existsSync(join(dir, file))) : [];
  const published = Object.fromEntries(there.map((file) => [file, readFileSync(join(dir, file), 'utf8')]));
  if (entry !== undefined) published['fleet-entry.json'] = readFileSync(entry, 'utf8');
  const verified = verifyTranscript(text, published);
  for (const [name, key] of signer) {
    const found = verified.signers.find((one) => one.name === name);
    if (found?.key !== key)
      fail('not-signed', `the transcript is not signed by ${name} with the key you know`, { expected: key, got: found?.key ?? 'nobody' });
  }
  if (!json) return showVerified(verified, { compared: Object.keys(published), known: [...signer.keys()] });
  const { entry: derived, ...rest } = verified;
  printJson({ ...rest, entry: derived?.digest, fleets: derived?.fleets.map(({ fleet }) => fleet.id), compared: Object.keys(published) });
}

function collect(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]]);
}
