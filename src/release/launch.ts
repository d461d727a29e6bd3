/**
 * The launcher: checks a release, then becomes it. Installed by scripts/install-launcher outside every release, with the few
 * files that it imports and no package; to be read in one sitting. Started by a service manager as the user of the node:
 *
 *   holdfast-launch --release DIR --key VKEY|FILE [--key ...] -- node start --config /etc/holdfast/node.json
 *
 * 1. The public keys come from outside the release, and so does this program: what checks must not come from what is checked.
 * 2. Release, keys and this program belong to root, and nobody else may write to them (ground.ts: why nothing changes later).
 * 3. Each key has signed the manifest (note.ts), and each file is as the manifest says (tree.ts).
 * 4. This process becomes the release's own Node running the release's own program, with its measurement in the environment:
 *    for comparing what runs where. It is no proof: whoever starts a node otherwise can say what he likes.
 *
 * Before step 4 nothing of the release has run, and no token was opened. Of file descriptors only 0, 1 and 2 go along.
 * Not checked: Node and the libraries of the system that run this program, the PKCS#11 module, OpenSSL's engine.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { codes, fail, HoldfastError } from '../base/errors.ts';
import { checkRelease } from './check.ts';
import { refuseRoot, requireAlone, requireSolid, requireSolidTree } from './ground.ts';
import { isReleaseKey, parseReleaseKey, type ReleaseKey } from './note.ts';

const USAGE = 'usage: holdfast-launch --release DIR --key VKEY|FILE [--key ...] -- COMMAND OF HOLDFAST ...';

/**
 * Names under which code could be brought in that no manifest names. Who sets them is the service manager, and so root: this
 * finds mistakes, and by now this program itself runs under them. Where OpenSSL's engine lies must be told (src/token/tls.ts): it is
 * the system's, like the PKCS#11 module, and not checked here.
 */
const BRINGS_CODE = /^(NODE_(?!ENV$)|LD_|OPENSSL_(?!ENGINES$)|GCONV_PATH$)/;

/**
 * A package that is not there must be missing. (Attack: some ask for others that need not be there; Node would take one of that name
 * from .node_modules in the home of the node's user, which he can fill.)
 */
const NOTHING_FROM_ELSEWHERE = '--no-global-search-paths';

function launch(args: readonly string[]): never {
  const end = args.indexOf('--');
  const { values } = parseArgs({
    args: args.slice(0, end < 0 ? args.length : end),
    options: { release: { type: 'string' }, key: { type: 'string', multiple: true } },
  });
  if (values.release === undefined || values.key === undefined || end < 0) return fail('configuration', USAGE);
  refuseRoot();
  const brought = Object.keys(process.env).find((name) => BRINGS_CODE.test(name));
  if (brought !== undefined) fail('release-refused', `${brought} is set: it could bring in code that nobody verified`);

  const release = requireSolidTree(values.release);
  requireAlone(release);
  requireOutside(release, requireSolidTree(import.meta.dirname), 'this launcher');
  requireSolidTree(join(import.meta.dirname, '../base'));
  const keys = values.key.flatMap((key) => (isReleaseKey(key) ? parseReleaseKey(key) : keysIn(key, release)));
  const { manifest, measurement } = checkRelease(release, keys);

  const { version, platform, runtime, main, files } = manifest;
  const signers = keys.map(({ name }) => name).join(', ');
  process.stderr.write(`release ${version} ${platform}, signed by ${signers}, ${files.length} files, measurement ${measurement}\n`);
  const node = join(release, runtime.file);
  return become(node, [node, NOTHING_FROM_ELSEWHERE, join(release, main), ...args.slice(end + 1)], {
    ...process.env,
    HOLDFAST_MEASUREMENT: measurement,
  });
}

/** One key a line. */
function keysIn(file: string, release: string): ReleaseKey[] {
  const real = requireSolid(file);
  requireOutside(release, real, 'the key file');
  const lines = readFileSync(real, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map(parseReleaseKey);
}

/** Whoever changes the release would change its judge with it. */
function requireOutside(release: string, real: string, what: string): void {
  if (real === release || real.startsWith(release + sep))
    fail('release-refused', `${what} lies inside the release that it is to check`, { release });
}

function become(file: string, args: string[], environment: NodeJS.ProcessEnv): never {
  if (process.execve === undefined) return fail('configuration', 'this Node cannot replace itself: the launcher needs Node 24');
  return process.execve(file, args, environment as Record<string, string>);
}

/** Imported by a test, this file starts nothing. */
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  try {
    launch(process.argv.slice(2));
  } catch (error) {
    const { code, message, evidence } =
      error instanceof HoldfastError ? error : new HoldfastError('configuration', (error as Error).message);
    const found = Object.entries(evidence).map(([name, value]) => `, ${name}: ${value}`);
    process.stderr.write(`error: ${code}: ${message}${found.join('')}\n  next: ${codes[code].next}\n`);
    process.exitCode = 1;
  }
}
