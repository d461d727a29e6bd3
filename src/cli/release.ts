/** `holdfast release`: whether a release is the one that was signed, and signing one with a key in a token. */
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { waitForCustodians } from '../custody/wait.ts';
import { checkEntries, readArchive } from '../release/archive.ts';
import { type Checked, checkManifest, checkRelease } from '../release/check.ts';
import { isReleaseKey, parseReleaseKey, type ReleaseKey } from '../release/note.ts';
import { signManifest } from '../release/sign.ts';
import { CODE_KEY, openSigner } from '../token/index.ts';
import { askFor } from './passcode.ts';
import { print, printJson, say } from './report.ts';

const noteFileOf = (file: string): string => `${file}.note`;

export function releaseCommands(): Command {
  const group = new Command('release').description('Check or sign a release of Holdfast');
  group
    .command('verify')
    .description('whether every file is as the holders of the keys signed it; prints the measurement')
    .argument('<file>', 'the archive, or the folder where it is installed')
    .requiredOption('--key <vkey>', 'public key of who signs releases, or a file with one a line; may be given again', collect)
    .option('--note <file>', 'the signature (default: beside the archive, FILE.note; in a folder, manifest.note)')
    .option('--json', 'print JSON')
    .action(async (file: string, { key, note, json }: { key: string[]; note?: string; json?: true }) => {
      const { manifest, measurement } = await verify(file, key.flatMap(keysOf), note);
      const { version, platform, commit, runtime, addon, files } = manifest;
      if (json) return printJson({ measurement, version, platform, commit, runtime, addon, files: files.length });
      print(`good: release ${version} ${platform}, ${files.length} files, as signed`);
      print(`measurement  ${measurement}`);
      print(`commit       ${commit}`);
      print(`runtime      Node ${runtime.version}`);
      print(`addon        headers ${addon.headers}, ${addon.compiler}`);
    });
  group
    .command('sign')
    .description('sign the manifest in an archive with the release key in a token; signatures by others stay')
    .argument('<file>', 'the archive')
    .requiredOption('--name <name>', 'of the key, as in its public key: example.org/holdfast-code')
    .requiredOption('--module <path>', 'the PKCS#11 module')
    .requiredOption('--label <label>', 'CKA_LABEL of the token')
    .option('--pin-fd <n>', 'file descriptor to read the PIN from; without it, it is asked for', Number)
    .option('--custodians <socket>', "or wait there for custodians (holdfast custodian give), in a folder of this user's alone,")
    .option('--ceremony <name>', 'with cards of this ceremony')
    .option('--json', 'print JSON')
    .action(async (file: string, options: SignOptions, command: Command) => {
      if ((options.custodians === undefined) !== (options.ceremony === undefined))
        command.error('error: --custodians and --ceremony belong together');
      const { manifest, files } = await readArchive(createReadStream(file));
      const out = noteFileOf(file);
      const before = existsSync(out) ? readFileSync(out, 'utf8') : undefined;
      const pin = await pinFor(options);
      const signer = await openSigner({ module: options.module, label: options.label, pin }, CODE_KEY);
      try {
        const { note, vkey } = await signManifest(manifest, options.name, signer, before);
        // What is signed for others to trust is first checked as they will.
        const checked = checkManifest(manifest, Buffer.from(note), [parseReleaseKey(vkey)]);
        checkEntries(files, checked.manifest);
        writeFileSync(out, note);
        if (options.json) return printJson({ note: out, vkey, measurement: checked.measurement });
        print(vkey);
        say(`Signed: ${out}\nMeasurement: ${checked.measurement}`);
      } finally {
        await signer.close();
      }
    });
  return group.addHelpText(
    'after',
    `
Examples:
  holdfast release verify holdfast-0.1.0-linux-x64.tar --key /etc/holdfast/release-keys
  holdfast release verify /opt/holdfast/0.1.0 --key example.org/holdfast-code+1b7e4b70+AXd...
  holdfast release sign holdfast-0.1.0-linux-x64.tar --name example.org/holdfast-code \\
    --module /usr/lib/softhsm/libsofthsm2.so --label code-1 --custodians /run/holdfast/custodians --ceremony 'Signing keys 2026'`,
  );
}

function pinFor({ label: token, pinFd, custodians: socket, ceremony }: SignOptions): Promise<Secret<string>> {
  if (socket === undefined || ceremony === undefined)
    return askFor('PIN of the token', pinFd, '--pin-fd')().then((typed) => new Secret(typed));
  return waitForCustodians(
    { ceremony, token, socket },
    ({ given, needed }, refused) => {
      const come = needed === 0 ? 'enough custodians have come' : `${given.length} of ${needed} have come`;
      say(refused === undefined ? come : `refused: ${refused.message}`);
    },
    () => say(`Custodians of ${token} (ceremony ${ceremony}) give their cards: holdfast custodian give --socket ${socket}`),
    new AbortController().signal,
  );
}

interface SignOptions {
  readonly name: string;
  readonly module: string;
  readonly label: string;
  readonly pinFd?: number;
  readonly custodians?: string;
  readonly ceremony?: string;
  readonly json?: true;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

function keysOf(key: string): ReleaseKey[] {
  if (isReleaseKey(key)) return [parseReleaseKey(key)];
  if (!existsSync(key)) return fail('malformed', '--key: neither a public key of a note nor a file', { got: key.slice(0, 160) });
  return readFileSync(key, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(parseReleaseKey);
}

async function verify(file: string, keys: readonly ReleaseKey[], note: string | undefined): Promise<Checked> {
  if (!existsSync(file)) return fail('not-found', 'there is no such file', { file });
  if (statSync(file).isDirectory()) return checkRelease(file, keys);
  const noteFile = note ?? noteFileOf(file);
  if (!existsSync(noteFile)) return fail('release-refused', `${noteFile} is missing: this release is not signed`);
  const { manifest, files } = await readArchive(createReadStream(file));
  const checked = checkManifest(manifest, readFileSync(noteFile), keys);
  checkEntries(files, checked.manifest);
  return checked;
}
